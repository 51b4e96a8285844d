#!/usr/bin/env bash
# Encode a split as a Slurm array job: sbatch --array=0-7 slurm/extract_features.sh --encoder smol --split train ...
# Every argument goes to roadcue.training.extraction; each task of the array encodes its own range of rows.
# To repeat tasks that failed, say how many parts there were: PARTS=8 sbatch --array=2,5 slurm/extract_features.sh ...
#SBATCH --job-name=extract_features
#SBATCH --array=0-3
#SBATCH --nodes=1 --ntasks=1 --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue --open-mode=append
#SBATCH --output=slurm-%x-%A_%a.out
set -euo pipefail
source "${SLURM_SUBMIT_DIR:-.}/slurm/job.sh"

parts="${PARTS:-$SLURM_ARRAY_TASK_COUNT}"
if ((SLURM_ARRAY_TASK_MAX >= parts)); then
  echo "error: array tasks up to $SLURM_ARRAY_TASK_MAX do not fit $parts parts; use --array=0-$((parts - 1))," \
    "or set PARTS to the size of the whole array" >&2
  exit 2
fi
part="$((SLURM_ARRAY_TASK_ID + 1))/$parts"
echo "part       $part, python -m roadcue.training.extraction $*"
exec srun --kill-on-bad-exit=1 python -m roadcue.training.extraction --part "$part" "$@"
