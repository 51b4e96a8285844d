#!/usr/bin/env bash
# A Slurm of two nodes on this machine, to try the job scripts: Debian's munge and slurm-wlm, on loopback, as root.
#   apt-get install --no-install-recommends slurm-wlm munge
#   slurm/two_nodes.sh start           # then: export SLURM_CONF=/tmp/two_nodes_slurm/slurm.conf
#   slurm/two_nodes.sh stop
# All that it writes is in $TWO_NODES_DIR (/tmp/two_nodes_slurm); nothing in /etc changes. A job in the partition
# "urgent" preempts those in "local", which are signalled, have a grace time, and are requeued.
set -euo pipefail

folder="${TWO_NODES_DIR:-/tmp/two_nodes_slurm}"
port="${TWO_NODES_PORT:-16817}"
grace="${TWO_NODES_GRACE:-30}"
nodes=(node0 node1)
export SLURM_CONF="$folder/slurm.conf"

write_config() {
  local host user node
  host="$(hostname -s)"
  user="$(id -un)"
  cat >"$SLURM_CONF" <<END
ClusterName=two_nodes
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CryptoType=crypto/munge
# By default a requeued job waits for two minutes, until every credential of before is void.
AuthInfo=socket=$folder/munge/socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
# No cgroups: this also runs in a container.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
JobRequeue=1
KillWait=5
MinJobAge=30
SlurmdTimeout=20
UnkillableStepTimeout=600
SchedulerParameters=sched_interval=2,sched_min_interval=0,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
# A node has the CPUs that the job scripts ask for, whether this machine has them or not.
SlurmdParameters=config_overrides
END
  for node in "${!nodes[@]}"; do
    echo "NodeName=${nodes[node]} NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1 + node)) CPUs=4 RealMemory=2000" \
      "State=UNKNOWN" >>"$SLURM_CONF"
  done
  cat >>"$SLURM_CONF" <<END
PartitionName=local Nodes=node[0-1] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO PriorityTier=1 GraceTime=$grace
PartitionName=urgent Nodes=node[0-1] MaxTime=INFINITE State=UP OverSubscribe=NO PriorityTier=2 PreemptMode=OFF
END
}

start() {
  if [[ -e $folder ]]; then
    echo "error: $folder exists; run '$0 stop' first" >&2
    exit 2
  fi
  install -d -m 0755 "$folder" "$folder/state"
  install -d -m 0711 "$folder/munge"
  dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
  chmod 0400 "$folder/munge/key"
  # --force: munged would rather not trust a socket below /tmp; for a trial on one machine that is good enough.
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
  write_config
  slurmctld
  for node in "${nodes[@]}"; do
    slurmd -N "$node"
  done
  for _ in {1..60}; do
    if [[ $(sinfo --noheader --partition=local --format='%t %D' 2>/dev/null) == "idle ${#nodes[@]}" ]]; then
      sinfo
      echo "ready: export SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 0.5
  done
  echo "error: the nodes did not become idle in 30 s; see the logs in $folder" >&2
  exit 1
}

stop() {
  local file pids=() munge=()
  # The jobs first: what they have started is not a child of any daemon that is ended below.
  if [[ -f $folder/slurmctld.pid ]] && timeout 10 scancel --user="$(id -un)" 2>/dev/null; then
    for _ in {1..40}; do
      [[ -n $(timeout 5 squeue --noheader 2>/dev/null) ]] || break
      sleep 0.5
    done
  fi
  for file in "$folder"/slurmctld.pid "${nodes[@]/#/$folder/}"; do
    [[ ! -f ${file%.pid}.pid ]] || pids+=("$(<"${file%.pid}.pid")")
  done
  [[ ! -f $folder/munge/pid ]] || munge=("$(<"$folder/munge/pid")")
  kill "${pids[@]}" 2>/dev/null || true
  for _ in {1..50}; do
    kill -0 "${pids[@]}" 2>/dev/null || break
    sleep 0.2
  done
  kill -KILL "${pids[@]}" "${munge[@]}" 2>/dev/null || true # munged would take 10 s when asked, and it keeps nothing
  for _ in {1..50}; do
    kill -0 "${pids[@]}" "${munge[@]}" 2>/dev/null || break
    sleep 0.1
  done
  rm -rf "$folder"
}

case "${1:-}" in
  start) start ;;
  stop) stop ;;
  *)
    echo "usage: $0 start|stop" >&2
    exit 2
    ;;
esac
