#!/bin/sh
# Finds a Python that can make a virtual environment and hands over to deploy/setup.py.
# PYTHON=/path/to/python chooses one.
set -eu
cd -- "$(dirname -- "$0")/.."

usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# An environment without a stamp was never finished: it is made again from the start.
made=
[ ! -e .venv/stamp ] || made=.venv/bin/python

for candidate in ${PYTHON:+"$PYTHON"} $made python3.13 python3.12 python3.11 python3 python; do
    if usable "$candidate"; then
        exec "$candidate" -I deploy/setup.py
    fi
done
cat >&2 <<'MESSAGE'
没有找到可用的 Python 3.11 或更高版本(须含 venv 与 ensurepip)。请安装后重试,或用 make PYTHON=/路径/python3.11 指定。
No usable Python 3.11 or newer was found (with venv and ensurepip; Debian: apt install python3-venv).
Install one, or name it: make PYTHON=/path/to/python3.11
MESSAGE
exit 1
