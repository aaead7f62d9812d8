#!/bin/bash
# Back-ups of the four databases, a folder each, named by its moment.
#
#   daily                          makes one a day for ever, and deletes those older than BACKUP_DAYS
#   now                            makes one
#   list                           the whole ones, with their sizes
#   check                          whether the newest is younger than 25 hours
#   note                           tells the metrics of every service when the newest was made
#   restore FOLDER [SERVICE...]    puts it in the place of the databases, while the services are stopped
set -euo pipefail
cd /var/lib/postgresql/data
# A caller before the services that it calls: docs/operations.md#back-up-and-restore.
services=(ui backend payment loyalty)

main() {
    case ${1:-}/$# in
        daily/1) daily ;;
        now/1) alone && back_up ;;
        list/1) list ;;
        check/1) [ -n "$(find . -maxdepth 1 -name '*Z' -mmin -1500)" ] ;;
        note/1) note "${services[@]}" ;;
        restore/[2-6]) alone && restore "${@:2}" ;;
        *) sed -n 's/^#   //p' "$0" && exit 2 ;;
    esac
}

daily() {
    while :; do
        if [ -z "$(find . -maxdepth 1 -name '*Z' -mmin -1440)" ]; then
            # What failed is tried again the next time.
            "$0" now || say "no back-up was made"
        fi
        "$0" note || say "the services were not told of the newest back-up"
        find . -maxdepth 1 -name '*Z' -mtime "+${BACKUP_DAYS:-30}" -exec rm -r {} +
        sleep 300
    done
}

back_up() {
    local folder name
    folder=$(date -u +%Y-%m-%dT%H%M%SZ)
    rm -rf ./*.part
    mkdir -m 700 "$folder.part"
    for name in "${services[@]}"; do
        as_owner "$name" pg_dump --format=custom --no-owner --no-privileges --file="$folder.part/$name.dump"
        # Every block can be read.
        pg_restore --file=/dev/null "$folder.part/$name.dump"
        say "$name: $(stat -c %s "$folder.part/$name.dump") bytes, read back"
    done
    (cd "$folder.part" && sha256sum ./*.dump >SHA256SUMS && sync ./*)
    # Only a whole one has the name of one.
    mv "$folder.part" "$folder"
    note "${services[@]}"
    echo "$folder"
}

# In a database of an earlier release there is no place for it.
note() {
    local name made
    made=$(find . -maxdepth 1 -name '*Z' -printf '%T@\n' | sort -n | tail -n 1)
    for name in ${made:+"$@"}; do
        as_owner "$name" psql -qX -v ON_ERROR_STOP=1 --command "DO \$\$ BEGIN
            IF to_regclass('public.security_newest_backup') IS NOT NULL THEN
                INSERT INTO security_newest_backup (id, made_at) VALUES (1, to_timestamp($made))
                ON CONFLICT (id) DO UPDATE SET made_at = excluded.made_at;
            END IF; END \$\$"
    done
}

list() {
    local folder
    for folder in *Z; do
        if [ -d "$folder" ]; then du -sh "$folder"; fi
    done
}

restore() {
    local folder=$1 name others
    shift
    if [ $# = 0 ]; then set -- "${services[@]}"; fi
    (cd "$folder" && sha256sum --check --quiet SHA256SUMS)
    for name in "$@"; do
        others=$(as_owner "$name" psql -qXAt --command "SELECT COUNT(*) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
        [ "$others" = 0 ] || die "$others connections use the database of $name: stop the services first"
    done
    for name in "$@"; do
        pg_restore --no-owner --no-privileges --file="$name.sql.part" "$folder/$name.dump"
        # All or nothing.
        as_owner "$name" psql -qX -v ON_ERROR_STOP=1 --single-transaction --output=/dev/null \
            --command 'DROP SCHEMA public CASCADE; CREATE SCHEMA public;' --file "$name.sql.part"
        rm "$name.sql.part"
        note "$name"
        say "$name: restored from $folder"
    done
}

# as_owner SERVICE COMMAND...: by the environment, because others can read the words of a command.
as_owner() {
    local owner=$1_owner url
    url=$(<"/run/secrets/${owner}_url")
    url=${url#*://"$owner":}
    PGHOST=postgres PGUSER=$owner PGPASSWORD=${url%%@*} PGDATABASE=$1 "${@:2}"
}

# Waits for the end of another.
alone() { exec 9>.lock && flock 9; }

say() { echo "$*" >&2; }
die() {
    say "$*"
    exit 1
}

main "$@"
