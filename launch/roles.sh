#!/usr/bin/env bash
# Runs once in the postgres container, in a new database: makes the two roles, with the passwords of `.env`.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --quiet --username "${POSTGRES_USER:-postgres}" --dbname "$POSTGRES_DB" \
    --set owner_password="$TAMBOUR_OWNER_PASSWORD" --set password="$TAMBOUR_PASSWORD" <<'SQL'
SELECT set_config('tambour.owner_password', :'owner_password', false),
       set_config('tambour.password', :'password', false) \g /dev/null
\i /roles.sql
SQL
