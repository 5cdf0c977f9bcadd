#!/usr/bin/env bash
# Start Ray on this machine as the head or as a worker of a cluster, with token authentication.
#
#   by_hand.sh head [RAY START OPTIONS]                on the first machine; prints what to do next
#   by_hand.sh worker HEAD:PORT [RAY START OPTIONS]    on every other machine
#   by_hand.sh stop                                    on each, at the end
#
# All machines need the same Python, Ray and lcsearch, and the same token in ~/.ray/auth_token (or
# where RAY_AUTH_TOKEN_PATH says). The head makes one if there is none: copy it to the others, for
# example with scp, and keep it as secret as an SSH key: who has it can run code on the cluster.
#
# Run by tests/engines/ray/test_network.py on two network namespaces.
set -euo pipefail

export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
token=${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}

case ${1:-} in
head)
    shift
    [ -s "$token" ] || ray get-auth-token --generate >/dev/null
    ray start --head --port=6379 --include-dashboard=false "$@"
    echo
    echo "Token: $token (copy it to every machine of the cluster)"
    echo "Next:  by_hand.sh worker HEAD:6379                    on the other machines"
    echo "Then:  RAY_AUTH_MODE=token lcsearch run --engine ray --ray-address auto \\"
    echo "           --storage-path /folder/all/machines/share --backbone vgg11    here"
    ;;
worker)
    address=${2:?the address of the head is missing: by_hand.sh worker HEAD:PORT}
    shift 2
    [ -s "$token" ] || { echo "by_hand.sh: no token in $token; copy it from the head" >&2; exit 2; }
    ray start --address="$address" "$@"
    ;;
stop)
    ray stop
    ;;
*)
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2
    exit 2
    ;;
esac
