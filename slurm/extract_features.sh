#!/usr/bin/env bash
# Encode a split as a Slurm array job: sbatch --array=0-7 slurm/extract_features.sh --encoder smol --split train ...
# Every argument goes to roadcue.training.extraction. Each task of each job of the array encodes its own range of rows,
# so 2 nodes of 4 GPUs need no array: sbatch --array=0 --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 ...
# To repeat jobs that failed, say how many the array had: PARTS=8 sbatch --array=2,5 slurm/extract_features.sh ...
#SBATCH --job-name=extract_features
#SBATCH --array=0-3
#SBATCH --nodes=1 --ntasks-per-node=1 --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue --open-mode=append --signal=USR1@180
#SBATCH --output=slurm-%x-%A_%a.out
set -euo pipefail
source "${SLURM_SUBMIT_DIR:-.}/slurm/job.sh"

jobs="${PARTS:-$SLURM_ARRAY_TASK_COUNT}"
((SLURM_ARRAY_TASK_MAX < jobs)) || refuse "array tasks up to $SLURM_ARRAY_TASK_MAX do not fit $jobs parts;" \
  "use --array=0-$((jobs - 1)), or set PARTS to the size of the whole array"
export PARTS=$((jobs * tasks)) FIRST_PART=$((SLURM_ARRAY_TASK_ID * tasks + 1))
echo "parts      $FIRST_PART to $((FIRST_PART + tasks - 1)) of $PARTS, python -m roadcue.training.extraction $*"
# shellcheck disable=SC2016 # each task's shell is to read it
run_step 'python -m roadcue.training.extraction --part "$((FIRST_PART + SLURM_PROCID))/$PARTS" "$@"' "$@"
