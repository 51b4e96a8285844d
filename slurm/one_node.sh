#!/usr/bin/env bash
# A Slurm of one node on this machine, to try the job scripts: Debian's munge and slurm-wlm, on loopback, as root.
#   apt-get install --no-install-recommends slurm-wlm munge
#   slurm/one_node.sh start            # then: export SLURM_CONF=/tmp/one_node_slurm/slurm.conf
#   slurm/one_node.sh stop
# All that it writes is in $ONE_NODE_DIR (/tmp/one_node_slurm); nothing in /etc changes.
set -euo pipefail

folder="${ONE_NODE_DIR:-/tmp/one_node_slurm}"
export SLURM_CONF="$folder/slurm.conf"

write_config() {
  local host cpus
  host="$(hostname -s)"
  cpus="$(nproc)"
  cat >"$SLURM_CONF" <<END
ClusterName=one_node
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ONE_NODE_PORT:-16817}
SlurmdPort=$((${ONE_NODE_PORT:-16817} + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CryptoType=crypto/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
# No cgroups: this also runs in a container.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=local Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
END
}

start() {
  if [[ -e $folder ]]; then
    echo "error: $folder exists; run '$0 stop' first" >&2
    exit 2
  fi
  install -d -m 0755 "$folder" "$folder/state" "$folder/spool"
  install -d -m 0711 "$folder/munge"
  dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
  chmod 0400 "$folder/munge/key"
  # --force: munged would rather not trust a socket below /tmp; for a trial on one machine that is good enough.
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
  write_config
  slurmctld
  slurmd
  for _ in {1..30}; do
    if [[ $(sinfo --noheader --format=%t 2>/dev/null) == idle ]]; then
      sinfo
      echo "ready: export SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 1
  done
  echo "error: the node did not become idle in 30 s; see $folder/slurmctld.log and $folder/slurmd.log" >&2
  exit 1
}

stop() {
  local name pid
  for name in slurmd.pid slurmctld.pid munge/pid; do
    if [[ -f $folder/$name ]]; then
      pid="$(<"$folder/$name")"
      kill "$pid" 2>/dev/null || continue
      while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
    fi
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
