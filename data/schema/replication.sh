#!/bin/bash
# Run once by the primary's container of docker-compose.scale.yml, or by hand in it: creates the replication role of the standby and
# sets the service's timeouts as properties of its role, since PgBouncer does not pass them on.
set -e
psql -v ON_ERROR_STOP=1 --no-psqlrc -q --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password GEO_REPLICATION_PASSWORD
set password_encryption = 'scram-sha-256';
select 'create role geo_replication' where not exists (select from pg_roles where rolname = 'geo_replication') \gexec
alter role geo_replication login replication password :'password';
alter role geo_api set statement_timeout = '10s';
alter role geo_api set lock_timeout = '2500ms';
SQL
grep -q geo_replication "$PGDATA/pg_hba.conf" || echo 'host replication geo_replication all scram-sha-256' >>"$PGDATA/pg_hba.conf"
psql --no-psqlrc -q --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -c 'select pg_reload_conf()' >/dev/null
