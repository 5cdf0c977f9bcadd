#!/usr/bin/env bash
# How many small changes of the code its tests notice: mutmut over the modules that pyproject.toml lists, each
# change tried with the listed tests that run it. No part of scripts/test.sh: a module takes minutes.
# Prints what went unnoticed, and how much was noticed of each module; fails where that is too little.
#
#   scripts/mutation.sh                           every module
#   scripts/mutation.sh 'lcsearch.core.pareto*'   mutants whose names fit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/venv.sh

venv=${LCSEARCH_VENV:-.venv-test}
make_venv "$venv" '.[dev]'

rm -rf mutants # what is kept there from last time are also the tests
OMP_NUM_THREADS=1 "$venv/bin/mutmut" run --max-children 2 "$@" 2>&1 | tr '\r' '\n' | tail -n 1
exec "$venv/bin/python" scripts/mutation_table.py "$venv/bin/mutmut"
