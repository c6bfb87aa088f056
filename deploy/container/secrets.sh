#!/bin/sh
# Makes the compose file's secrets, each once; one that is there stays.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
[ -f secrets/administrator-password ] || random > secrets/administrator-password
[ -f secrets/database-password ] || random > secrets/database-password
[ -f secrets/database-url ] ||
  printf 'postgresql://taizhang:%s@database:5432/taizhang' "$(cat secrets/database-password)" > secrets/database-url
[ -f secrets/backup-passphrase ] || random > secrets/backup-passphrase
chmod 0444 secrets/*  # read by the containers' own users; the folder lets nobody else in
echo "secrets: $(pwd)/secrets; keep a copy of backup-passphrase elsewhere, away from the backups"
