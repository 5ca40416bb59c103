-- The schema for analysts and the role that reads it. Runs as often as you like, as a superuser or as the database's owner.
-- An owner who may not create roles gets a notice and a database without geo_reader. Nobody gets a password here.

create schema if not exists geo;

do $$
declare
  i_am pg_roles;
  owner name := (select pg_get_userbyid(datdba) from pg_database where datname = current_database());
begin
  select * into strict i_am from pg_roles where rolname = current_user;

  -- Made by a superuser, the schema would be closed to the owner, who keeps its views up to date.
  if i_am.rolsuper then
    execute format('alter schema geo owner to %I', owner);
  end if;

  -- What everybody may do unless told otherwise: fill the disk with temporary tables or, even in a read-only session, with
  -- large objects. Only a superuser can take the latter away.
  if i_am.rolsuper or owner = current_user then
    execute format('revoke temporary on database %I from public', current_database());
  end if;
  if i_am.rolsuper then
    revoke execute on function lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea),
      lo_import(text), lo_import(text, oid), lowrite(integer, bytea) from public;
  end if;

  if not exists (select from pg_roles where rolname = 'geo_reader') then
    if i_am.rolsuper or i_am.rolcreaterole then
      create role geo_reader login connection limit 20;
      alter role geo_reader set default_transaction_read_only = on;
      alter role geo_reader set statement_timeout = '60s';
      alter role geo_reader set search_path = geo, public;
      comment on role geo_reader is 'Reads schema geo: psql, QGIS, pgAdmin';
    else
      raise notice 'role geo_reader does not exist and % may not create roles: skipped', current_user;
    end if;
  end if;

  if not (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'geo') then
    raise notice 'schema geo belongs to another role: left as it is';
    return;
  end if;
  comment on schema geo is 'Stable views for analysts; see data/schema/README.md';
  if exists (select from pg_roles where rolname = 'geo_reader') then
    grant usage on schema geo to geo_reader;
  end if;
end
$$;
