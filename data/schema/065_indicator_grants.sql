-- ANALYZE after a load of series, for the planner's statistics of the new rows. Only the owner can run it.
create or replace function public.analyze_indicators() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  analyze public.indicator_value, public.indicator_series, public.indicator_blob, public.place, public.place_member,
    public.place_population, public.place_weight;
end
$$;
revoke execute on function public.analyze_indicators() from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'geo_loader') then
    grant execute on function public.analyze_indicators() to geo_loader;
    -- A load copies its changes through a temporary table.
    if has_database_privilege(current_user, current_database(), 'temporary with grant option')
       or pg_has_role((select datdba from pg_database where datname = current_database()), 'usage') then
      execute format('grant temporary on database %I to geo_loader', current_database());
    end if;
  end if;
end
$$;
