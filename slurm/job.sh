# What every job does first: go to the repository, read the settings, enter the environment, print what it got.
# shellcheck shell=bash

cd "${SLURM_SUBMIT_DIR:-.}" || exit
if [[ ! -f train.py ]]; then
  echo "error: $PWD has no train.py; run sbatch in the repository's root folder" >&2
  exit 2
fi

# shellcheck source=slurm/env.sh
source "${ENV_FILE:-slurm/env.sh}"

set +u # module systems read variables that need not be set
for name in $MODULES; do
  module load "$name"
done
set -u
if [[ ! -f $VENV/bin/activate ]]; then
  echo "error: no virtual environment in $VENV; run 'make demo' once on a login node, or set VENV" >&2
  exit 2
fi
# shellcheck source=/dev/null
source "$VENV/bin/activate"

# Since Slurm 22.05 a step does not inherit the job's --cpus-per-task.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"
export OMP_NUM_THREADS="$SRUN_CPUS_PER_TASK"
export PYTHONFAULTHANDLER=1 PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false

echo "job        ${SLURM_JOB_NAME:-} ${SLURM_JOB_ID:-}, start $((${SLURM_RESTART_COUNT:-0} + 1))"
echo "place      ${SLURM_JOB_PARTITION:-} ${SLURM_JOB_NODELIST:-}, account ${SLURM_JOB_ACCOUNT:-}"
echo "resources  $SRUN_CPUS_PER_TASK CPUs, GPUs ${SLURM_GPUS:-${SLURM_JOB_GPUS:-none}}"
echo "settings   VENV=$VENV MODULES=$MODULES HF_HUB_OFFLINE=$HF_HUB_OFFLINE ROADCUE_CACHE=${ROADCUE_CACHE:-}"
echo "code       $(git rev-parse --short HEAD 2>/dev/null || echo 'not a git checkout')"
