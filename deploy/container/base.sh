#!/bin/sh
# Makes the image localhost/python:3.11 of Debian's packages, for where no registry of images is reached:
#   deploy/container/base.sh && make image ARGS='--build-arg PYTHON=localhost/python:3.11'
# It needs mmdebstrap and buildah, as root or with user namespaces. Arguments are options of buildah's, as --root.
set -eu
packages=python3,python3-venv,python-is-python3,ca-certificates
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
mmdebstrap --quiet --variant=minbase --include="$packages" --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$files/base.tar"
made=$(buildah "$@" from scratch)
buildah "$@" add --quiet "$made" "$files/base.tar" /
buildah "$@" config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$made"
buildah "$@" commit --quiet --rm "$made" localhost/python:3.11
