#!/bin/bash
# Runs once, on an empty data folder. Each service has a database that is closed to the others, and two roles: the
# owner migrates it, and the service, which owns nothing, is granted what it needs after each migration.
set -euo pipefail

# The password of a role, from the address that it connects to.
password() {
    local url
    url=$(<"/run/secrets/$2")
    url=${url#*://"$1":}
    printf '%s' "${url%%@*}"
}

for name in backend loyalty payment ui; do
    owner=${name}_owner
    psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set name="$name" --set owner="$owner" \
        --set password="$(password "$name" "${name}_database_url")" \
        --set owner_password="$(password "$owner" "${owner}_url")" <<'SQL'
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"name";
SQL
done
