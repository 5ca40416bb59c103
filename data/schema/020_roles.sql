-- Schema geo and the three roles with fewer rights than the owner. Idempotent; run as a superuser, as the database's owner, or as a
-- role that can create roles, before or after the owner's first migrate.
--
--   geo_reader   analysts: reads schema geo
--   geo_api      the service: reads the tables behind it
--   geo_loader   loads: writes the tables behind it
--
-- An owner without the right to create roles gets a warning and a database without them, and everything runs as the owner. This file
-- sets no passwords, and a role without a password cannot log in.

do $$
declare
  i_am pg_roles;
  owner name := (select pg_get_userbyid(datdba) from pg_database where datname = current_database());
  wanted record;
  setting text;
begin
  select * into strict i_am from pg_roles where rolname = current_user;

  -- A role that only creates roles may lack the right to create a schema: the owner's migrate creates it.
  if to_regnamespace('geo') is null and has_database_privilege(current_database(), 'create') then
    create schema geo;
  end if;

  -- A schema created by a superuser is handed to the owner, whose migrate replaces its views.
  if i_am.rolsuper then
    execute format('alter schema geo owner to %I', owner);
  end if;

  -- Default rights of public: filling the disk with temporary tables or, even in a read-only session, with large objects. Only a
  -- superuser can revoke the latter.
  if i_am.rolsuper or owner = current_user then
    execute format('revoke temporary on database %I from public', current_database());
  end if;
  if i_am.rolsuper then
    revoke execute on function lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea),
      lo_import(text), lo_import(text, oid), lowrite(integer, bytea) from public;
  end if;
  -- Advisory locks require no right, and the service uses none.
  if i_am.rolsuper then
    for wanted in
      select oid::regprocedure as name from pg_proc
      where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^pg_(try_)?advisory_(xact_)?lock'
    loop
      execute format('revoke execute on function %s from public', wanted.name);
    end loop;
  end if;
  -- The default since PostgreSQL 15.
  if (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'public') then
    revoke create on schema public from public;
  end if;

  for wanted in
    select *
    from (values
      ('geo_reader', 20, 'Analysts: reads schema geo (psql, QGIS, pgAdmin, pandas, R)', array[
        'default_transaction_read_only = on', 'statement_timeout = ''60s''', 'lock_timeout = ''10s''',
        'idle_in_transaction_session_timeout = ''5min''', 'search_path = geo, public']),
      ('geo_api', -1, 'The service over HTTP: reads the tables behind schema geo', array[
        'default_transaction_read_only = on', 'idle_in_transaction_session_timeout = ''1min''']),
      ('geo_loader', 10, 'Loads of boundaries: writes the tables behind schema geo', array[]::text[])
    ) as roles (name, connections, note, settings)
  loop
    begin
      if not exists (select from pg_roles where rolname = wanted.name) then
        execute format('create role %I', wanted.name);
      end if;
      execute format('alter role %I login connection limit %s', wanted.name, wanted.connections);
      foreach setting in array wanted.settings loop
        execute format('alter role %I set %s', wanted.name, setting);
      end loop;
      -- Only a superuser can set these, and a session cannot raise them: the limit of temporary files, and the log level, since
      -- error messages repeat values of a statement.
      if i_am.rolsuper and wanted.name <> 'geo_loader' then
        foreach setting in array array['temp_file_limit = ''1GB''', 'log_min_messages = log', 'log_min_error_statement = panic'] loop
          execute format('alter role %I set %s', wanted.name, setting);
        end loop;
      end if;
      execute format('comment on role %I is %L', wanted.name, wanted.note);
    exception when insufficient_privilege then
      if not exists (select from pg_roles where rolname = wanted.name) then
        raise warning 'role % does not exist and % may not create roles: what it is for runs as the owner', wanted.name, current_user;
      end if;
    end;
  end loop;

  -- A session can raise its own statement_timeout. The owner, as a member of the role, can terminate its sessions: 060_grants.sql.
  if exists (select from pg_roles where rolname = 'geo_reader') and not pg_has_role(owner, 'geo_reader', 'usage') then
    begin
      execute format('grant geo_reader to %I', owner);
    exception when insufficient_privilege then
      raise warning '% may not end the sessions of geo_reader that run for too long', owner;
    end;
  end if;

  if not (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'geo') then
    raise warning 'schema geo belongs to another role: left as it is';
  end if;
end
$$;
