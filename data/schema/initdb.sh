#!/bin/bash
# Run once by the database container, after 010 and 020: who owns the database, and the passwords.
# The service connects as covidtrends_geo, which is no superuser; the superuser's password stays in this container.
set -e
psql -v ON_ERROR_STOP=1 --no-psqlrc -q --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner_password GEO_OWNER_PASSWORD
\getenv reader_password GEO_READER_PASSWORD
create role covidtrends_geo login createdb password :'owner_password';
alter role geo_reader password :'reader_password';
alter database :"DBNAME" owner to covidtrends_geo;
alter schema geo owner to covidtrends_geo;
\connect template1
\i /docker-entrypoint-initdb.d/010_extensions.sql
SQL
