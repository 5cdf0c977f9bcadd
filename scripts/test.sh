#!/usr/bin/env bash
# Everything that must pass: ruff, mypy, import-linter and pytest, in a virtual environment of its own
# (.venv-test, or $LCSEARCH_VENV). Arguments go to pytest: scripts/test.sh tests/data -x
# With --fast first: all but the tests that are slow, start Ray or open a browser. Tests of all nets of torchvision
# and timm take hours: scripts/test.sh -m zoo
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/venv.sh

which=()
if [ "${1:-}" = --fast ]; then
    which=(-m "not slow and not ray and not browser and not zoo")
    shift
fi

venv=${LCSEARCH_VENV:-.venv-test}
make_venv "$venv" '.[dev]'
bin=$venv/bin

say "ruff"
"$bin/ruff" check .
"$bin/ruff" format --check .
say "mypy"
"$bin/python" -m mypy
say "import-linter"
"$bin/lint-imports" --no-logo --no-cache
say "pytest"
# One process more than there are cores: many tests wait for what they started, with a core idle meanwhile.
workers=$("$bin/python" -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')
exec "$bin/python" -m pytest -n "$workers" --dist loadgroup --no-loadscope-reorder ${which[@]+"${which[@]}"} "$@"
