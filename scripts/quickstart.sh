#!/usr/bin/env bash
# From a fresh clone to a finished search: virtual environment (.venv), installation, Fashion-MNIST, then
#   lcsearch run --backbone vgg11
# Arguments go to lcsearch run and win over these: scripts/quickstart.sh --dataset digits --trials 12
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/venv.sh

# Whether the search will look for Fashion-MNIST in the usual places: it is the default data set.
needs_fashion_mnist() {
    local previous='' argument chosen=fashion-mnist
    for argument in "$@"; do
        [ "$previous" = --dataset ] && chosen=$argument
        case $argument in
            --dataset=*) chosen=${argument#--dataset=} ;;
            --data-dir | --data-dir=* | --help | -h) return 1 ;;
        esac
        previous=$argument
    done
    [ "$chosen" = fashion-mnist ]
}

fetch() {
    "$venv/bin/python" -c '
import sys
from lcsearch import data
from lcsearch.core.errors import InputError
try:
    print("Fashion-MNIST:", data.fetch("fashion-mnist", timeout=15), file=sys.stderr)
except InputError as error:
    sys.exit(str(error))
'
}

# Unpacks Debian's package into the cache; needs no root.
unpack_debian_package() {
    local target work
    command -v apt-get > /dev/null && command -v dpkg > /dev/null || return 1
    target=$("$venv/bin/python" -c 'from lcsearch import data; print(data.cache_dir() / "fashion-mnist")')
    work=$(mktemp -d)
    (cd "$work" && apt-get download -qq dataset-fashion-mnist && dpkg -x ./dataset-fashion-mnist_*.deb .) &&
        mkdir -p "$target" && cp "$work"/usr/share/datasets/fashion-mnist/* "$target"
    local status=$?
    rm -rf "$work"
    return $status
}

install_debian_package() {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || return 1
    apt-get update -qq && apt-get install -qq -y dataset-fashion-mnist
}

get_fashion_mnist() {
    fetch && return
    say "trying Debian's package dataset-fashion-mnist"
    unpack_debian_package && fetch && return
    install_debian_package && fetch && return
    die "Fashion-MNIST could not be fetched; try again with a network, or: scripts/quickstart.sh --dataset digits"
}

venv=.venv
make_venv "$venv" .
if needs_fashion_mnist "$@"; then
    get_fashion_mnist
fi
exec "$venv/bin/lcsearch" run --backbone vgg11 "$@"
