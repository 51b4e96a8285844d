#!/usr/bin/env bash
# Train as a Slurm job: sbatch slurm/train_vlm.sh --encoder smol --head waypoint ...
# Every argument goes to train.py. Submit from the repository's root folder; settings are in slurm/env.sh.
# Several ranks: sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 slurm/train_vlm.sh ...
# A job that is requeued keeps its id, so it finds its run folder and goes on from the last checkpoint.
#SBATCH --job-name=train_vlm
#SBATCH --nodes=1 --ntasks-per-node=1 --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue --open-mode=append --signal=USR1@180
#SBATCH --output=slurm-%x-%j.out
set -euo pipefail
source "${SLURM_SUBMIT_DIR:-.}/slurm/job.sh"

# An option may be given once, so these two stand back where they are among the arguments.
defaults=()
[[ " $*" == *" --run_dir"* ]] || defaults+=(--run_dir "${RUN_DIR:-runs/$SLURM_JOB_NAME-$SLURM_JOB_ID}")
[[ " $*" == *" --resume"* ]] || defaults+=(--resume auto)
echo "run        python train.py ${defaults[*]} $*"
# shellcheck disable=SC2016 # each task's shell is to read it
run_step 'python train.py "$@"' "${defaults[@]}" "$@"
