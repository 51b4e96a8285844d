# What is particular to your cluster, and nothing else. Change the defaults here, or set the variables before sbatch.
# shellcheck shell=bash
#
# sbatch itself reads the SBATCH_* variables, before a job exists; so run `source slurm/env.sh` in your shell first
# when the cluster wants a partition or an account. They win over the #SBATCH lines of the scripts, and the options
# that you give to sbatch win over them.
# Example: export SBATCH_PARTITION="${SBATCH_PARTITION:-gpu}" SBATCH_ACCOUNT="${SBATCH_ACCOUNT:-my-project}"
# Example: export SBATCH_TIMELIMIT="${SBATCH_TIMELIMIT:-08:00:00}" SBATCH_GPUS="${SBATCH_GPUS:-1}"

# Environment modules to load in the job, separated by spaces.
export MODULES="${MODULES:-}"
# The virtual environment with RoadCue in it, from the repository root.
export VENV="${VENV:-.venv}"
# Compute nodes seldom reach the network: download the weights on a login node first.
export HF_HUB_OFFLINE="${HF_HUB_OFFLINE:-1}"
# A job whose tasks would have less memory than this is refused. Python with PyTorch takes half of it, without a model.
export TASK_MEMORY_MB="${TASK_MEMORY_MB:-1000}"
# Where feature stores are kept, if not in your home's cache folder; every node must see it.
# Example: export ROADCUE_CACHE="${ROADCUE_CACHE:-$WORK/roadcue}"
