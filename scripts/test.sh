#!/usr/bin/env bash
# Everything that must pass: ruff, mypy, import-linter and pytest, in a virtual environment of its own
# (.venv-test, or $LCSEARCH_VENV). Arguments go to pytest: scripts/test.sh tests/data -x
# With --fast first: all but the tests that are slow, start Ray or open a browser. Left out: whole uses of what other
# tests look at in parts (scripts/test.sh -m long), and all nets of torchvision and timm, for hours (-m zoo).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/venv.sh

# One process more than there are cores: tests that start Ray or kill a run mostly wait.
cores=$(getconf _NPROCESSORS_ONLN)
workers=(-n $((cores < 4 ? cores + 1 : 4)) --dist loadfile --no-loadscope-reorder)
which=()
if [ "${1:-}" = --fast ]; then
    which=(-m "not slow and not ray and not browser and not long and not zoo")
    shift
fi

venv=${LCSEARCH_VENV:-.venv-test}
make_venv "$venv" '.[dev]'
bin=$venv/bin

say "ruff"
"$bin/ruff" check .
"$bin/ruff" format --check .
say "import-linter"
"$bin/lint-imports" --no-logo --no-cache

# mypy runs beside pytest, whose processes wait at first while one of them collects. What it said comes last.
types=$(mktemp)
"$bin/python" -m mypy > "$types" 2>&1 &
mypy=$!
trap 'kill "$mypy" 2> /dev/null || true; rm -f "$types"' EXIT
trap 'exit 130' INT TERM
say "pytest, and mypy beside it"
passed=true
"$bin/python" -m pytest "${workers[@]}" ${which[@]+"${which[@]}"} "$@" || passed=false
say "mypy"
wait "$mypy" || passed=false
cat "$types" >&2
"$passed"
