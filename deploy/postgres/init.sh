#!/bin/bash
# Runs once, on an empty data folder: a role and a database for each service, closed to the others.
set -euo pipefail
for name in backend loyalty payment ui; do
    url=$(<"/run/secrets/${name}_database_url")
    password=${url#*://"$name":}
    psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set name="$name" --set password="${password%%@*}" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
