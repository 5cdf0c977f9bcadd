# Sourced by quickstart.sh and test.sh: a virtual environment that is made once and reused.
# shellcheck shell=bash

# Python compiles what is imported, once, and keeps it; pip would compile all of PyTorch and Ray first.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# Prints the newest Python from 3.11 on that has the venv module.
find_python() {
    local name
    for name in "${PYTHON:-}" python3.14 python3.13 python3.12 python3.11 python3 python; do
        if [ -n "$name" ] && command -v "$name" > /dev/null &&
            "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    die "no Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt-get install python3-venv)"
}

# make_venv FOLDER REQUIREMENT: installs the project with its extras, such as '.[dev]', editable, from the
# repository root. Does nothing where the folder was made by the same pyproject.toml, here, for the same extras.
make_venv() {
    local folder=$1 requirement=$2 stamp wanted
    stamp=$folder/.lcsearch-stamp
    wanted="$PWD $requirement $(cksum < pyproject.toml)"
    if [ -x "$folder/bin/python" ] && [ "$(cat "$stamp" 2> /dev/null)" = "$wanted" ]; then
        return
    fi
    local python
    python=$(find_python)
    if [ ! -x "$folder/bin/python" ]; then
        say "making $folder with $("$python" --version)"
        "$python" -m venv "$folder" || die "cannot make a virtual environment in $folder"
    fi
    say "installing lcsearch and what it needs into $folder (a few minutes and 6 GB the first time)"
    rm -f "$stamp"
    # One call, so that torch and torchvision are resolved together and match.
    local quiet=--quiet
    [ -t 2 ] && quiet=
    "$folder/bin/python" -m pip install ${quiet:+"$quiet"} --disable-pip-version-check --no-compile \
        -e "$requirement" ||
        die "pip could not install $requirement; see the lines above"
    printf '%s\n' "$wanted" > "$stamp"
}
