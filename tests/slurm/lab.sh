#!/usr/bin/env bash
# A real Slurm on one machine, for tests: munge, one controller, two CPU and two GPU nodes, no accounting.
#
#   lab.sh install     install Debian's packages, as root
#   lab.sh up DIR      start it; then `. DIR/env.sh`
#   lab.sh down DIR    stop what was started there, by recorded process id, and nothing else
#
# Everything lives in DIR (absolute, short: socket paths end after 107 characters). LAB_PORT is the first of about ten
# ports. The two GPUs of a GPU node are stand-ins: Slurm grants and counts them, but no program can compute on them.
set -euo pipefail

action=${1:?install, up or down}
port=${LAB_PORT:-36800}
nodes="cpu1 cpu2 gpu1 gpu2"
packages="slurmctld slurmd slurm-client munge"
PATH=$PATH:/usr/sbin:/sbin

if [ "$action" = install ]; then
    command -v slurmctld slurmd sbatch munged > /dev/null && exit 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
        echo "lab.sh: please install $packages" >&2
        exit 3
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages > /dev/null
    exit 0
fi
lab=$(realpath -m "${2:?folder}")

running() { [ -s "$lab/run/$1.pid" ] && kill -0 "$(cat "$lab/run/$1.pid")" 2>/dev/null; }

stop() {
    [ -s "$lab/run/$1.pid" ] || return 0
    local pid
    pid=$(cat "$lab/run/$1.pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$pid" 2>/dev/null; then kill -9 "$pid"; fi
    rm -f "$lab/run/$1.pid"
}

down() {
    for node in $nodes; do stop "slurmd-$node"; done
    stop slurmctld
    stop munged
}

write_config() {
    local host
    host=$(hostname -s)
    cat > "$lab/slurm.conf" <<CONF
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$lab/run/munge.socket
StateSaveLocation=$lab/state
SlurmdSpoolDir=$lab/spool/%n
SlurmctldPidFile=$lab/run/slurmctld.pid
SlurmdPidFile=$lab/run/slurmd-%n.pid
SlurmctldLogFile=$lab/log/slurmctld.log
SlurmdLogFile=$lab/log/slurmd-%n.log
# no cgroups, no MPI, no accounting: a container has none of them
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=2
# several nodes on one host, each larger than its share of the host
SlurmdParameters=config_overrides
# without it one job takes all memory of a node
DefMemPerCPU=500
GresTypes=gpu
ReturnToService=2
# a dead node is noticed after 30 s, a slow one (the host may be busy) is not taken for dead; squeue tells the end of a
# job for half an hour
SlurmdTimeout=30
MessageTimeout=30
MinJobAge=1800
KillWait=3
# jobs of the partition scavenge make room for those of the partition cpu: SIGTERM, half a minute, then they queue again
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=cpu[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 2))] CPUs=4 RealMemory=16000
NodeName=gpu[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 3))-$((port + 4))] CPUs=4 RealMemory=16000 Gres=gpu:2
PartitionName=cpu Nodes=cpu[1-2] Default=YES MaxTime=1-0 PriorityTier=10 PreemptMode=OFF
PartitionName=scavenge Nodes=cpu[1-2] MaxTime=1-0 PriorityTier=1 PreemptMode=REQUEUE GraceTime=60
PartitionName=gpu Nodes=gpu[1-2] MaxTime=1-0
CONF
    # character devices that exist everywhere stand for the two GPUs
    printf 'NodeName=gpu[1-2] Name=gpu File=%s\n' /dev/null /dev/zero > "$lab/gres.conf"
    # The Slurm plugin of Snakemake empties SLURM_* before its inner srun, SLURM_CONF too: this srun puts it back.
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$lab/slurm.conf" "$(command -v srun)" > "$lab/bin/srun"
    chmod 755 "$lab/bin/srun"
    printf 'export SLURM_CONF=%s\nexport PATH=%s:$PATH\n' "$lab/slurm.conf" "$lab/bin" > "$lab/env.sh"
}

up() {
    for program in munged slurmctld slurmd sbatch; do
        command -v $program >/dev/null || { echo "lab.sh: no $program; lab.sh install" >&2; exit 3; }
    done
    mkdir -p "$lab"/{run,log,state,spool,bin}
    chmod 755 "$lab" "$lab/run"
    if [ ! -s "$lab/munge.key" ]; then (umask 077; head -c 1024 /dev/urandom > "$lab/munge.key"); fi
    PATH=${PATH#"$lab/bin:"} write_config
    export SLURM_CONF=$lab/slurm.conf
    running munged || munged --force --key-file="$lab/munge.key" --socket="$lab/run/munge.socket" \
        --pid-file="$lab/run/munged.pid" --log-file="$lab/log/munged.log" --seed-file="$lab/munge.seed"
    running slurmctld || slurmctld
    for node in $nodes; do
        mkdir -p "$lab/spool/$node"
        running "slurmd-$node" || slurmd -N "$node"
    done
    for _ in $(seq 100); do
        [ "$(sinfo -h -N -t idle,mix,alloc -o %N 2>/dev/null | sort -u | wc -l)" = 4 ] && exit 0
        sleep 0.2
    done
    echo "lab.sh: the nodes did not come up; see $lab/log" >&2
    exit 1
}

case $action in
    up) up ;;
    down) down ;;
    *) echo "lab.sh: install, up or down, not $action" >&2; exit 2 ;;
esac
