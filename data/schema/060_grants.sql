-- Lock table of loads: a load locks it to exclude other loads. A read-only role cannot lock it.
create table if not exists public.load_lock ();
comment on table public.load_lock is 'Locked by a load while it runs.';

-- Grants of the roles. Idempotent; run as the owner of the tables. A missing role is skipped. Default privileges, and the next
-- migrate, cover later objects of the owner.
do $$
declare
  wanted record;
  owned record;
begin
  revoke execute on all functions in schema geo from public;

  -- Analysts: views and functions of schema geo. The functions run with the caller's rights, on the views.
  if exists (select from pg_roles where rolname = 'geo_reader') then
    grant usage on schema geo to geo_reader;
    grant select on all tables in schema geo to geo_reader;
    grant execute on all functions in schema geo to geo_reader;
  end if;

  -- The service reads all tables. Loads write rows, but neither the table of migrations nor table definitions.
  for wanted in
    select * from (values
      ('geo_api', 'select', 'select'), ('geo_loader', 'select, insert, update, delete', 'usage')
    ) as roles (name, on_tables, on_sequences)
    where exists (select from pg_roles where rolname = roles.name)
  loop
    execute format('grant usage on schema public, geo to %I', wanted.name);
    execute format('grant select on all tables in schema geo to %I', wanted.name);
    execute format('grant execute on all functions in schema geo to %I', wanted.name);
    for owned in
      select oid::regclass as name, relkind from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'S') and pg_has_role(relowner, 'usage')
        and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')
    loop
      if owned.relkind = 'S' then
        execute format('grant %s on sequence %s to %I', wanted.on_sequences, owned.name, wanted.name);
      else
        execute format('grant %s on %s to %I', wanted.on_tables, owned.name, wanted.name);
      end if;
    end loop;
    execute format('alter default privileges in schema public grant %s on tables to %I', wanted.on_tables, wanted.name);
    execute format('alter default privileges in schema public grant %s on sequences to %I', wanted.on_sequences, wanted.name);
  end loop;
  if exists (select from pg_roles where rolname = 'geo_loader') then
    revoke insert, update, delete on public.django_migrations, public.django_content_type from geo_loader;
  end if;
end
$$;

-- ANALYZE after a load, for the planner's statistics of millions of new rows. Only the owner can run it.
create or replace function public.analyze_boundaries() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  analyze public.coverage, public.vintage, public.region, public.region_part, public.region_level, public.tile_piece, public.tile_label,
    public.overlap, public.border, public.counterpart, public.change;
end
$$;
revoke execute on function public.analyze_boundaries() from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'geo_loader') then
    grant execute on function public.analyze_boundaries() to geo_loader;
  end if;
end
$$;

-- A session of geo_reader can raise its statement_timeout and its idle_in_transaction_session_timeout. The service calls this
-- function (reader watchdog), so that statements and locks of idle transactions end soon after the role's limits.
create or replace function public.end_long_reads(statement interval, idle interval) returns integer
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where pg_terminate_backend(pid))::integer
  from pg_stat_activity
  where usename = 'geo_reader' and datname = current_database() and pg_has_role(usename, 'usage') and (
    (state = 'active' and query_start < clock_timestamp() - statement)
    or (state like 'idle in transaction%' and state_change < clock_timestamp() - idle)
  )
$$;
revoke execute on function public.end_long_reads(interval, interval) from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'geo_api') then
    grant execute on function public.end_long_reads(interval, interval) to geo_api;
  end if;
end
$$;
