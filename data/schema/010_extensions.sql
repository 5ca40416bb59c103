-- The extensions that the schema is built on. Runs as often as you like.
-- unaccent and pg_trgm are trusted: a database's owner may create them. postgis asks for a superuser, once.
create extension if not exists postgis;
create extension if not exists unaccent;
create extension if not exists pg_trgm;
