-- The extension that the schema is built on. Runs as often as you like. It asks for a superuser, once.
create extension if not exists postgis;
