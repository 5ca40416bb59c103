-- A server of our own (the private PostGIS of bin/, the containers), as a superuser, in any of its databases: what every role may do
-- in the databases that every server has. Runs as often as you like. Not for a server that others use, too.
revoke connect, temporary on database postgres, template1 from public;
do $$
begin
  -- Whoever makes the database of the tests connects to postgres first.
  if exists (select from pg_roles where rolname = 'covidtrends_geo') then
    grant connect on database postgres to covidtrends_geo;
  end if;
end
$$;
