#!/usr/bin/env bash
# Score runs as a Slurm job: sbatch slurm/eval.sh --run runs/train_vlm-42 ...
# Every argument goes to eval.py. Behind a training: sbatch --dependency=afterok:42 slurm/eval.sh --run runs/train_vlm-42
# It has no checkpoint: at the end of its time it is over, and a job that was preempted begins anew.
#SBATCH --job-name=eval
#SBATCH --nodes=1 --ntasks-per-node=1 --cpus-per-task=4
#SBATCH --time=02:00:00
#SBATCH --requeue --open-mode=append
#SBATCH --output=slurm-%x-%j.out
set -euo pipefail
source "${SLURM_SUBMIT_DIR:-.}/slurm/job.sh"

((tasks == 1)) || refuse "$tasks tasks, and eval.py is one process; use --nodes=1 --ntasks=1"
echo "run        python eval.py $*"
# shellcheck disable=SC2016 # each task's shell is to read it
run_step 'python eval.py "$@"' "$@"
