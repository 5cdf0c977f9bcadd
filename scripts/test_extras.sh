#!/usr/bin/env bash
# Each extra of pyproject.toml alone, in an environment of its own: installs '.[EXTRA]' and does in seconds what the
# extra is for, as scripts/extra_uses.sh says. Of all extras, or of those that are named:
#   scripts/test_extras.sh [EXTRA...]
# One environment is made with lcsearch alone, in $LCSEARCH_EXTRAS (build/extras; 7 GB); each extra goes into a copy of
# it by hard links, which is removed afterwards. An extra that has passed is not tried again, with the same
# pyproject.toml, unless it is named. Ends with 1 where one failed; what it said lies beside, in EXTRA.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/venv.sh

place=$(mkdir -p "${LCSEARCH_EXTRAS:-build/extras}" && cd "${LCSEARCH_EXTRAS:-build/extras}" && pwd)
declared() { sed -n '/^\[project.optional-dependencies\]/,/^\[/s/^\([a-z]*\) = \[.*/\1/p' pyproject.toml; }

# The environment with lcsearch and no extra, and a small finished run that uses begin with.
make_base() {
    make_venv "$place/base" .
    [ -f "$place/run/report.html" ] && return
    rm -rf "$place/run"
    "$place/base/bin/lcsearch" run --backbone base --dataset digits --train-images 200 --trials 4 --epochs 1 \
        --init scratch --jobs 1 --device cpu --out "$place/run"
}

# One extra, in a copy of the environment and of the run. Chained, because bash forgets 'set -e' in a condition.
try_extra() {
    local extra=$1 home=$place/$1
    rm -rf "$home" && mkdir "$home" && cp -a "$place/run" "$home/run" &&
        { cp -al "$place/base" "$home/venv" 2> /dev/null || cp -a "$place/base" "$home/venv"; } &&
        "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check ".[$extra]" &&
        use_extra "$extra" "$home" && rm -rf "$home"
}

# In a process of its own, in the extra's folder, with its programs first.
use_extra() {
    (repository=$PWD PATH=$2/venv/bin:$PATH LCSEARCH_CACHE=$place/cache
        export repository PATH LCSEARCH_CACHE
        cd "$2" && exec bash "$repository/scripts/extra_uses.sh" "$1")
}

wanted=("$@")
if [ ${#wanted[@]} -eq 0 ]; then
    mapfile -t wanted < <(declared)
fi
state=$(cksum < pyproject.toml)
make_base
failed=()
for extra in "${wanted[@]}"; do
    declared | grep -qx "$extra" || die "'$extra' is no extra; there are $(declared | paste -sd ' ')"
    if [ $# -eq 0 ] && [ "$(cat "$place/$extra.passed" 2> /dev/null)" = "$state" ]; then
        say "$extra: passed before"
        continue
    fi
    if try_extra "$extra" > "$place/$extra.log" 2>&1; then
        printf '%s\n' "$state" > "$place/$extra.passed"
        say "$extra: passed"
    else
        failed+=("$extra")
        say "$extra: FAILED: $(tail -n 1 "$place/$extra.log")"
    fi
done
[ ${#failed[@]} -eq 0 ] || die "failed: ${failed[*]} (logs in $place)"
