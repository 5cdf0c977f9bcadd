#!/usr/bin/env bash
# The site: docs/ with the API reference and real reports, by mkdocs, and then every link of what was built is followed.
# A warning is an error. scripts/docs.sh [FOLDER], build/site by default; needs a network for the installation alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/venv.sh

venv=${LCSEARCH_VENV:-.venv-test}
make_venv "$venv" '.[dev]'
site=${1:-build/site}
"$venv/bin/python" scripts/gallery.py build/gallery
export NO_MKDOCS_2_WARNING=1 # a notice of the theme about its successor
"$venv/bin/python" -m mkdocs build --strict --clean --site-dir "$site"
exec "$venv/bin/python" scripts/check_site.py "$site"
