-- The extension that the schema is built on. Runs as often as you like. It asks, once, for a superuser or, on a managed
-- server, for an owner for whom the extension has been allow-listed.
create extension if not exists postgis;
