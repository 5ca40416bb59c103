-- Who may read what. Runs as often as you like; where the role does not exist there is nothing to grant.
do $$
begin
  if exists (select from pg_roles where rolname = 'geo_reader') and to_regclass('geo.vintages') is not null then
    grant usage on schema geo to geo_reader;
    grant select on all tables in schema geo to geo_reader;
  end if;
end
$$;
