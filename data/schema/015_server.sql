-- Rights of public on the default databases of a dedicated server (the private PostGIS of bin/, the containers). Idempotent; run as
-- a superuser in any of its databases. Not for a shared server.
revoke connect, temporary on database postgres, template1 from public;
do $$
begin
  -- The owner connects to postgres to create the test database.
  if exists (select from pg_roles where rolname = 'covidtrends_geo') then
    grant connect on database postgres to covidtrends_geo;
  end if;
end
$$;
