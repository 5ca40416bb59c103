# shellcheck shell=bash
# Private PostGIS: installation, cluster creation, start, stop. Sourced after _lib.sh.
# It has its own port and folder; the machine's PostgreSQL on 5432 and Debian's clusters are never touched.

FIRST_PORT=54329
NAME=covidtrends_geo   # name of the database and of its owner
PRIVATE=$LOCAL/postgis # PostgreSQL unpacked here, without root or sudo
if [ "$ME" = 0 ]; then
  # PostgreSQL refuses to run as root, and the user postgres may have no access to the checkout.
  CLUSTER=/var/lib/covidtrends-geo/$(printf '%s' "$ROOT" | sha256sum | cut -c1-12)
else
  CLUSTER=$LOCAL/postgres
fi

# --- the programs -----------------------------------------------------------------------------------------------------

# Sets PG_BIN: the PostgreSQL version of the cluster, or without a cluster the newest with PostGIS. Both in Debian's layout.
find_postgis() {
  local bin usr major made_by
  PG_BIN=
  made_by=$(cat "$CLUSTER/data/PG_VERSION" 2>/dev/null || true)
  while IFS= read -r bin; do
    usr=${bin%/lib/postgresql/*} major=${bin%/bin} major=${major##*/}
    [ -x "$bin/initdb" ] && [ -e "$usr/share/postgresql/$major/extension/postgis.control" ] || continue
    [ -z "$made_by" ] || [ "$made_by" = "$major" ] || continue
    PG_BIN=$bin
  done < <(printf '%s\n' "$PRIVATE"/usr/lib/postgresql/*/bin | sort -V; printf '%s\n' /usr/lib/postgresql/*/bin | sort -V)
  [ -n "$PG_BIN" ]
}

newest_package() { # newest_package APT_CACHE_OPTIONS...
  apt-cache "$@" search --names-only '^postgresql-[0-9]+-postgis-3$' | awk '{print $1}' | sort -V | tail -n 1 | grep .
}

install_postgis() {
  local conf=/etc/postgresql-common/createcluster.conf
  apt_as_root update
  # Without this the package would start its own cluster on 5432. An existing file is left unchanged.
  if [ ! -e "$conf" ]; then
    as_root mkdir -p "${conf%/*}"
    printf 'create_main_cluster = false\n' | as_root tee "$conf"
  fi
  apt_as_root install --no-install-recommends -o Dpkg::Options::=--force-confold "$(newest_package)"
}

# The same server from the same packages, unpacked into .local/: about 30 s and 500 MB.
unpack_postgis() {
  local package version
  apt_private update
  package=$(newest_package -o "Dir::State::Lists=$LOCAL/apt/lists" -o "Dir::Cache=$LOCAL/apt/cache")
  version=${package#postgresql-} version=${version%%-*}
  # --reinstall: packages that are installed on the machine are needed in the folder too.
  apt_private install --no-install-recommends --download-only --reinstall \
    "postgresql-$version" "postgresql-client-$version" "$package" "$package-scripts"
  rm -rf "$PRIVATE" "$PRIVATE.new"
  unpack_debs "$PRIVATE.new"
  # Link that Debian's installation scripts would create.
  for control in "$PRIVATE.new"/usr/share/postgresql/*/extension/postgis-3.control; do
    ln -sf postgis-3.control "${control%-3.control}.control"
  done
  mv "$PRIVATE.new" "$PRIVATE"
}

need_postgis() {
  find_postgis && return
  [ ! -s "$CLUSTER/data/PG_VERSION" ] || say "  PostgreSQL $(cat "$CLUSTER/data/PG_VERSION"), the version of $CLUSTER, is not installed"
  command -v apt-get >/dev/null ||
    die "no PostGIS and no apt-get to install it: set DB_HOST to your own PostGIS, or use Docker: docker compose up"
  if can_be_root; then
    need_disk 900 /var
    step apt "PostGIS (apt-get install)" install_postgis
  else
    need_disk 1500 "$ROOT"
    step apt "PostGIS (unpacked into .local/: neither root nor sudo)" unpack_postgis
  fi
  find_postgis || die "the PostGIS version of apt differs from that of $CLUSTER: install that version, or delete the cluster: bin/db destroy"
}

private_libraries() {
  local folders
  folders=$(printf '%s:' "$PRIVATE"/usr/lib/*-linux-gnu* "$PRIVATE"/usr/lib/*-linux-gnu*/{blas,lapack} "$PRIVATE"/lib/*-linux-gnu*)
  printf '%s' "${folders%:}"
}

# as_cluster_user [KEY=VALUE...] PROGRAM ARGUMENTS...: runs it with an empty environment. The user's PG* variables and the wheels'
# PROJ_DATA must not reach the server, which has another version of PROJ.
as_cluster_user() {
  local -a environment=(PATH=/usr/bin:/bin HOME=/ LC_ALL=C.UTF-8) run=()
  if [[ $PG_BIN == "$PRIVATE"/* ]]; then
    environment+=("LD_LIBRARY_PATH=$(private_libraries)" "PROJ_LIB=$PRIVATE/usr/share/proj" "PROJ_DATA=$PRIVATE/usr/share/proj")
  fi
  [ "$ME" != 0 ] || run=(setpriv --reuid=postgres --regid=postgres --init-groups)
  (cd / && exec ${run[@]+"${run[@]}"} env -i "${environment[@]}" "$@")
}

# --- the cluster ------------------------------------------------------------------------------------------------------

make_cluster() {
  local password
  rm -rf "$CLUSTER"
  mkdir -p "$CLUSTER"
  chmod 700 "$CLUSTER"
  password=$(random_secret)
  (umask 077; printf '127.0.0.1:*:*:postgres:%s\n' "$password" >"$CLUSTER/pgpass"; printf '%s' "$password" >"$CLUSTER/password")
  printf '%s\n' "$ROOT" >"$CLUSTER/checkout"
  if [ "$ME" = 0 ]; then chmod 755 "${CLUSTER%/*}"; chown -R postgres: "$CLUSTER"; fi
  as_cluster_user "$PG_BIN/initdb" -D "$CLUSTER/data" -U postgres -A scram-sha-256 --pwfile="$CLUSTER/password" -E UTF8 --locale=C.UTF-8
  rm "$CLUSTER/password"
  # For a machine with 2 GB of memory.
  as_cluster_user tee -a "$CLUSTER/data/postgresql.conf" <<'SETTINGS'

# covidtrends-geo
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 256MB
effective_cache_size = 1GB
max_wal_size = 4GB
max_parallel_workers_per_gather = 2
random_page_cost = 1.1
jit = off
SETTINGS
  touch "$CLUSTER/made" # complete; without this file the cluster is created again
}

cluster_port() { cat "$CLUSTER/port" 2>/dev/null || printf '%s' "$FIRST_PORT"; }
listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Compares the command line: after a crash or a reboot the pid in postmaster.pid may belong to another program.
running() {
  local pid
  pid=$(head -n 1 "$CLUSTER/data/postmaster.pid" 2>/dev/null) && [ -r "/proc/$pid/cmdline" ] &&
    tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$CLUSTER/data"
}

# True if the programs or libraries of a running cluster were upgraded after its start: every function would then fail.
outdated() {
  local started file
  started=$(sed -n 3p "$CLUSTER/data/postmaster.pid" 2>/dev/null) && [ -n "$started" ] || return 1
  for file in "$PG_BIN/postgres" "${PG_BIN%/bin}"/lib/plpgsql.so "${PG_BIN%/bin}"/lib/postgis-3.so; do
    [ ! -e "$file" ] || [ "$(stat -c %Z "$file")" -le "$started" ] || return 0
  done
  return 1
}

start_cluster() {
  local port last=0
  port=$(cluster_port)
  rm -f "$CLUSTER/data/postmaster.pid" # only called when not running
  for _ in {1..60}; do
    if listening "$port"; then port=$((port + 1)); continue; fi
    last=$(wc -l 2>/dev/null <"$CLUSTER/server.log" || echo 0)
    if as_cluster_user "$PG_BIN/pg_ctl" start -w -t 600 -D "$CLUSTER/data" -l "$CLUSTER/server.log" -o "-p $port" 9>&-; then
      printf '%s' "$port" >"$CLUSTER/port"
      return
    fi
    tail -n "+$((last + 1))" "$CLUSTER/server.log" | tee "$CLUSTER/why"
    if grep -q 'could not bind' "$CLUSTER/why"; then port=$((port + 1)) # another checkout took the port
    elif grep -qE 'shared memory block|lock file' "$CLUSTER/why"; then sleep 1 # child processes of a killed server are still exiting
    else return 1; fi
  done
  return 1
}

superuser_psql() { # superuser_psql DATABASE, SQL on standard input
  as_cluster_user "PGPASSFILE=$CLUSTER/pgpass" "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(cluster_port)" -U postgres -d "$1"
}

saved_secret() { local secret; secret=$(read_key "$LOCAL_ENV" "$1"); printf '%s' "${secret:-$(random_secret)}"; }

# Version of `provision`: it runs again when this changes.
roles_version() { cat "$ROOT"/data/schema/0{10_extensions,15_server,20_roles}.sql <(echo 2) | sha256sum | cut -c1-16; }

# Creates roles, database and extensions; the extensions in template1 too, so that test databases have PostGIS.
provision() {
  local password api loader reader
  # Passwords are reused, so that connected clients can reconnect.
  password=$(saved_secret DB_PASSWORD) api=$(saved_secret DB_API_PASSWORD)
  loader=$(saved_secret DB_LOADER_PASSWORD) reader=$(saved_secret DB_READER_PASSWORD)
  # Statements, their values and their errors stay out of the log: they contain positions and postal codes.
  superuser_psql postgres <<'SQL'
alter system set log_min_error_statement = panic;
alter system set log_min_messages = log;
alter system set log_error_verbosity = terse;
select pg_reload_conf();
SQL
  superuser_psql template1 <"$ROOT/data/schema/010_extensions.sql"
  superuser_psql postgres <<SQL
select 'create role $NAME' where not exists (select from pg_roles where rolname = '$NAME') \gexec
alter role $NAME login createdb password '$password';
select 'create database $NAME owner $NAME' where not exists (select from pg_database where datname = '$NAME') \gexec
SQL
  cat "$ROOT"/data/schema/0{10_extensions,15_server,20_roles}.sql | superuser_psql "$NAME"
  superuser_psql postgres <<SQL
alter role geo_api password '$api';
alter role geo_loader password '$loader';
alter role geo_reader password '$reader';
SQL
  save_env DB_HOST 127.0.0.1
  save_env DB_NAME "$NAME"
  save_env DB_USER "$NAME"
  save_env DB_PASSWORD "$password"
  save_env DB_API_PASSWORD "$api"
  save_env DB_LOADER_PASSWORD "$loader"
  save_env DB_READER_PASSWORD "$reader"
  save_env DB_ROLES "$(roles_version)"
  save_env DB_CLUSTER "$CLUSTER" # last: marks provisioning as complete, for this cluster (root and other users have one each)
}

cluster_up() {
  need_postgis
  if running && outdated; then
    say "  PostgreSQL was upgraded under the running private PostGIS"
    step cluster-stop "private PostGIS: stopping the old version" cluster_down
  fi
  if ! running; then
    if [ ! -e "$CLUSTER/made" ]; then
      need_disk 300 "$([ "$ME" = 0 ] && echo /var || echo "$ROOT")"
      forget_cluster
      step cluster-make "private PostGIS: creating it" make_cluster
    fi
    step cluster-start "private PostGIS: starting it" start_cluster
  fi
  # A cluster of an older version may lack roles or passwords.
  [ "$(read_key "$LOCAL_ENV" DB_CLUSTER)" = "$CLUSTER" ] && [ -n "$(read_key "$LOCAL_ENV" DB_READER_PASSWORD)" ] &&
    [ "$(read_key "$LOCAL_ENV" DB_ROLES)" = "$(roles_version)" ] ||
    step cluster-database "private PostGIS: roles, database, extensions" provision
  [ "$(read_key "$LOCAL_ENV" DB_PORT)" = "$(cluster_port)" ] || save_env DB_PORT "$(cluster_port)"
}

cluster_down() { as_cluster_user "$PG_BIN/pg_ctl" stop -w -m fast -D "$CLUSTER/data"; }

forget_cluster() {
  [ -f "$LOCAL_ENV" ] || return 0
  sed -i -E '/^(DB_[A-Z_]+|GEO_READER_PASSWORD)=/d' "$LOCAL_ENV"
}

# --- private or own -------------------------------------------------------------------------------------------------------

need_database() {
  if own_database; then
    (export_env; "$VENV/bin/python" "$ROOT/bin/_check_database.py") || exit 1
    say "  using your own PostGIS"
  else
    cluster_up
  fi
}

# Checks the service's role. After migrate, which creates the role if it can.
need_api_role() {
  own_database || return 0 # the private PostGIS has the role
  if [ -z "$(setting DB_API_PASSWORD)" ]; then
    say "  notice: the service connects as the owner of the database; set DB_API_PASSWORD for a read-only role (.env.example)"
  else
    (export_env; "$VENV/bin/python" "$ROOT/bin/_check_database.py" geo_api) ||
      die "DB_API_PASSWORD is set, but geo_api cannot log in: see data/schema/README.md, or leave it empty to serve as the owner"
  fi
}
