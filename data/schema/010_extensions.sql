-- The PostGIS extension. Idempotent. The first run requires a superuser or, on a managed server, an owner for whom the extension
-- is allow-listed.
create extension if not exists postgis;
