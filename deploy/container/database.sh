#!/bin/sh
# Run once by the database's container on a new volume: the service's login, which is no superuser, and its database.
# From version 16 on CREATEROLE makes and alters its own roles alone: those that callers limited to regions are read by.
set -eu
psql --username postgres --set ON_ERROR_STOP=1 --set password="$(cat "$DATABASE_PASSWORD_FILE")" <<'SQL'
CREATE ROLE taizhang LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE taizhang OWNER taizhang;
SQL
