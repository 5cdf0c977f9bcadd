#!/usr/bin/env bash
#SBATCH --job-name=lcsearch
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=04:00:00
#
# One search over the nodes of a SLURM job: sbatch slurm.sh --backbone vgg11 --gpus-per-trial 0.5 ...
#
# The first node is Ray's head and runs the search; the others join it. Arguments go to `lcsearch run`.
# LCSEARCH_SHARED is a folder that all nodes share (by default where sbatch was called); the run and
# the checkpoints lie there. When the time is up, send the job again: a run that exists is resumed.
#
# Run by tests/engines/ray/test_network.py with stand-ins for srun and scontrol that start both nodes
# on one machine. Not run on a SLURM cluster.
set -euo pipefail

shared=${LCSEARCH_SHARED:-$SLURM_SUBMIT_DIR}
run=$shared/runs/${SLURM_JOB_NAME:-lcsearch}
port=$((20000 + SLURM_JOB_ID % 20000))

export RAY_USAGE_STATS_ENABLED=0
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH=$shared/.ray-token-$SLURM_JOB_ID
(umask 077 && python3 -c 'import secrets; print(secrets.token_hex(32))' >"$RAY_AUTH_TOKEN_PATH")
trap 'rm -f "$RAY_AUTH_TOKEN_PATH"; kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=$(srun --nodes=1 --ntasks=1 -w "${nodes[0]}" hostname -i | awk '{print $1}')

start() { # NODE, RAY START OPTIONS
    local node=$1
    shift
    srun --nodes=1 --ntasks=1 --overlap -w "$node" ray start --block --num-cpus="${SLURM_CPUS_ON_NODE:-1}" "$@" &
}

start "${nodes[0]}" --head --node-ip-address="$head" --port="$port" --include-dashboard=false
for ((try = 0; try < 60; try++)); do
    ray health-check --address "$head:$port" >/dev/null 2>&1 && break
    sleep 1
done
for node in "${nodes[@]:1}"; do
    start "$node" --address="$head:$port"
done

where=(--engine ray --ray-address "$head:$port" --storage-path "$shared/checkpoints")
if [ -e "$run/run.yaml" ]; then
    lcsearch resume "$run" "${where[@]}"
else
    lcsearch run --out "$run" "${where[@]}" "$@"
fi
