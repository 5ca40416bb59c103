#!/bin/bash
# Run once by the database container, after 010 and 020: creates the owner of the database and sets the passwords of all roles.
# The owner is no superuser; the superuser's password stays in this container. A second run sets the passwords again.
set -e
psql -v ON_ERROR_STOP=1 --no-psqlrc -q --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner_password GEO_OWNER_PASSWORD
\getenv api_password GEO_API_PASSWORD
\getenv loader_password GEO_LOADER_PASSWORD
\getenv reader_password GEO_READER_PASSWORD
set password_encryption = 'scram-sha-256';
select 'create role covidtrends_geo' where not exists (select from pg_roles where rolname = 'covidtrends_geo') \gexec
alter role covidtrends_geo login createdb password :'owner_password';
alter role geo_api password :'api_password';
alter role geo_loader password :'loader_password';
alter role geo_reader password :'reader_password';
alter database :"DBNAME" owner to covidtrends_geo;
alter schema geo owner to covidtrends_geo;
\i /docker-entrypoint-initdb.d/015_server.sql
\i /docker-entrypoint-initdb.d/020_roles.sql
\connect template1
\i /docker-entrypoint-initdb.d/010_extensions.sql
SQL
