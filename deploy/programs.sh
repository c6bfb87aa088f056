#!/bin/sh
# programs.sh PROGRAM=PACKAGE…: looks that each program is there; installs Debian's packages where this is CI as root.
set -eu
PATH=$PATH:/usr/sbin:/sbin
lacking() { for each in "$@"; do command -v "${each%%=*}" >/dev/null 2>&1 || printf '%s ' "${each#*=}"; done; }
packages=$(lacking "$@")
if [ -n "$packages" ] && [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ]; then
    # Where no package can be had, it is said below what is missing.
    apt-get update -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 || :
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -qq -y --no-install-recommends $packages >/dev/null || :
    packages=$(lacking "$@")
fi
[ -z "$packages" ] || {
    echo "缺少程序, 请安装 programs are missing: apt-get install $packages" >&2
    exit 1
}
