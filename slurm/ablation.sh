#!/usr/bin/env bash
# A sweep as a Slurm array, each run of it a task, and its table by a job that waits for them all:
#   slurm/ablation.sh --encoder smol --head waypoint --sweep lr=1e-3,3e-3 --seeds 3
# Type it on a login node, without sbatch; all arguments go to train.py. The first run goes ahead of the others, since
# it draws and encodes what they all read. SBATCH_* variables and slurm/env.sh hold for every job.
#SBATCH --nodes=1 --ntasks-per-node=1 --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue --open-mode=append --signal=USR1@180
set -euo pipefail
source "${SLURM_SUBMIT_DIR:-.}/slurm/job.sh"

if [[ -n ${SLURM_JOB_ID:-} ]]; then
  ((tasks == 1)) || refuse "$tasks tasks, and each run of a sweep is one process; use --nodes=1 --ntasks=1"
  part=()
  [[ -z ${SLURM_ARRAY_TASK_ID:-} ]] || part=(--sweep_part "$SLURM_ARRAY_TASK_ID/$RUNS")
  echo "run        python train.py ${part[*]} $*"
  # shellcheck disable=SC2016 # each task's shell is to read it
  run_step 'python train.py "$@"' "${part[@]}" "$@"
fi

name="${NAME:-ablation-$(date +%Y%m%d-%H%M%S)}"
[[ " $*" == *" --run_dir"* ]] || set -- --run_dir "runs/$name" "$@"
[[ " $*" == *" --resume"* ]] || set -- --resume auto "$@"
listed="$(python -m roadcue.training.sweep "$@")" # refuses here what does not fit
mapfile -t runs <<<"$listed"
export RUNS="${#runs[@]}"
logs="${LOG_DIR:-.}/slurm-$name"
first="$(sbatch --parsable --job-name="$name" --array=1 --output="$logs-%A_%a.out" slurm/ablation.sh "$@")"
before="afterany:$first"
if ((RUNS > 1)); then
  rest="$(sbatch --parsable --job-name="$name" --array="2-$RUNS" --output="$logs-%A_%a.out" --dependency="$before" slurm/ablation.sh "$@")"
  before="$before:$rest"
fi
table="$(sbatch --parsable --job-name="$name-table" --output="$logs-table.out" --dependency="$before" slurm/ablation.sh "$@")"
printf '%s\n' "${runs[@]}"
echo "$RUNS runs in the jobs $first${rest:+ and $rest}; the table will be in $logs-table.out, by job $table"
