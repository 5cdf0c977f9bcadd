#!/usr/bin/env bash
# The API reference, built from the docstrings by pdoc: scripts/docs.sh [FOLDER], build/api by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/venv.sh

venv=${LCSEARCH_VENV:-.venv-test}
make_venv "$venv" '.[dev]'
exec "$venv/bin/python" scripts/api_reference.py "${1:-build/api}"
