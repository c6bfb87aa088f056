#!/bin/sh
# Writes requirements.lock (what make setup installs), requirements-run.lock with what of it the service needs to run
# (the container's image), and for each heavy extra requirements-EXTRA.lock with what that adds; all at the versions of
# the first where both have it. Arguments go to uv, as --upgrade.
set -eu
cd -- "$(dirname -- "$0")/.."

compile() { # compile OUTPUT ARGUMENT...: pins what the arguments name
    output=$1
    shift
    .venv/bin/python -m uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file "$output" "$@"
}

compile requirements.lock --extra dev "$@" pyproject.toml
compile requirements-run.lock --constraints requirements.lock "$@" pyproject.toml
for extra in archive spark deploy; do
    .venv/bin/python -I deploy/extra.py "$extra" >".venv/$extra.in"
    compile "requirements-$extra.lock" --constraints requirements.lock "$@" ".venv/$extra.in"
done
