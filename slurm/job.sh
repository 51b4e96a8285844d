# What every job does first: go to the repository, read the settings, enter the environment, refuse what does not fit,
# print what it got and what this cluster will do to it. It leaves `run_step`, which starts the job's one step.
# shellcheck shell=bash

refuse() {
  echo "error: $*" >&2
  exit 2
}

cd "${SLURM_SUBMIT_DIR:-.}" || exit
[[ -f train.py ]] || refuse "$PWD has no train.py; run sbatch in the repository's root folder"

# shellcheck source=slurm/env.sh
source "${ENV_FILE:-slurm/env.sh}"

set +u # module systems read variables that need not be set
for name in $MODULES; do
  module load "$name"
done
set -u
[[ -f $VENV/bin/activate ]] || refuse "no virtual environment in $VENV; run 'make demo' once on a login node, or set VENV"
# shellcheck source=/dev/null
source "$VENV/bin/activate"
export PYTHONFAULTHANDLER=1 PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
[[ -n ${SLURM_JOB_ID:-} ]] || return 0 # on a login node that is all

# Since Slurm 22.05 a step does not inherit the job's --cpus-per-task.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"
export OMP_NUM_THREADS="$SRUN_CPUS_PER_TASK"
nodes="${SLURM_JOB_NUM_NODES:-1}" tasks="${SLURM_NTASKS:-1}" gpus="${SLURM_GPUS_ON_NODE:-0}"

check_that_it_fits() {
  ((tasks % nodes == 0)) || refuse "$tasks tasks do not spread evenly over $nodes nodes;" \
    "use --ntasks-per-node, so that every node has as many"
  local each=$((tasks / nodes)) memory=0
  if ((gpus > 0 && each != gpus)); then
    refuse "$each tasks and $gpus GPUs on a node: each task takes one GPU; use --ntasks-per-node=$gpus" \
      "or --gpus-per-node=$each"
  fi
  if [[ -n ${SLURM_MEM_PER_NODE:-} ]]; then
    memory=$((SLURM_MEM_PER_NODE / each))
  elif [[ -n ${SLURM_MEM_PER_CPU:-} ]]; then
    memory=$((SLURM_MEM_PER_CPU * SRUN_CPUS_PER_TASK))
  fi
  if ((memory > 0 && memory < TASK_MEMORY_MB)); then
    refuse "$memory MB of memory for each of $each tasks on a node, and a task takes $TASK_MEMORY_MB MB at least;" \
      "use --mem=$((TASK_MEMORY_MB * each))M or fewer tasks"
  fi
}

# One value out of what scontrol prints: `setting "$config" PreemptMode`.
setting() {
  sed -nE "s/(^|.*[[:space:]])$2[[:space:]]*=[[:space:]]*([^[:space:]]*).*/\2/p" <<<"$1" | head -n 1
}

# What happens to this job when another one takes its place, and at the end of its time.
say_preemption() {
  local config partition job mode grace wait sent
  config="$(scontrol show config 2>/dev/null)" || config=""
  partition="$(scontrol show partition "${SLURM_JOB_PARTITION:-}" 2>/dev/null)" || partition=""
  job="$(scontrol show job "$SLURM_JOB_ID" 2>/dev/null)" || job=""
  if [[ -z $config || -z $job ]]; then
    echo "preemption unknown: scontrol does not say what this cluster does"
    return
  fi
  mode="$(setting "$partition" PreemptMode)" grace="$(setting "$partition" GraceTime)"
  wait="$(setting "$config" KillWait)"
  sent="TERM"
  [[ $(setting "$config" SlurmctldParameters) != *preempt_send_user_signal* ]] || sent="USR1"
  if [[ $(setting "$config" PreemptType) == preempt/none || $mode == OFF ]]; then
    echo "preemption none: jobs in this partition keep their nodes"
  elif ((${grace:-0} > 0)); then
    echo "preemption $mode: $sent, then ${grace} s to write a checkpoint and be requeued"
  else
    echo "preemption $mode: TERM, then $wait s until KILL, as this partition has no grace time;" \
      "what was saved last may be all that is left (--checkpoint_every)"
  fi
  [[ $(setting "$job" Requeue) == 1 ]] || echo "requeue    off for this job or cluster: submit it again to go on"
}

# The job's step: $1 is the command of each task, in a shell of its own, with the other arguments as its "$@".
# Until Python has handlers of its own, a signal to stop must not end the task for good.
run_step() {
  local command="$1"
  shift
  exec srun --kill-on-bad-exit=1 --wait=60 bash -c "trap '' USR1 USR2; exec $command" task "$@"
}

check_that_it_fits
echo "job        ${SLURM_JOB_NAME:-} ${SLURM_JOB_ID:-}, start $((${SLURM_RESTART_COUNT:-0} + 1))"
echo "place      ${SLURM_JOB_PARTITION:-} ${SLURM_JOB_NODELIST:-}, account ${SLURM_JOB_ACCOUNT:-}"
echo "resources  $nodes nodes, $tasks tasks of $SRUN_CPUS_PER_TASK CPUs, $gpus GPUs on a node"
echo "settings   VENV=$VENV MODULES=$MODULES HF_HUB_OFFLINE=$HF_HUB_OFFLINE ROADCUE_CACHE=${ROADCUE_CACHE:-}"
echo "code       $(git rev-parse --short HEAD 2>/dev/null || echo 'not a git checkout')"
say_preemption
