# shellcheck shell=bash
# The server's options, for bin/serve and for the container. Sourced; run from app/.

# Sets counts: the folder where the processes count together (operations.metrics). In /tmp, which in the container is memory and
# nobody else's. It is locked for as long as the server lives, on a descriptor that the server inherits; whoever gets the lock
# deletes it: what waits for that here, however the server ends, or, where that was killed too, the next server.
counts_folder() {
  local old prefix
  prefix=/tmp/covidtrends-geo-counters-$(id -u)
  for old in "$prefix"-*; do
    [ -d "$old" ] && [ ! -L "$old" ] && [ -O "$old" ] || continue
    flock -n "$old" rm -rf "$old" || true # a living one's
  done
  # Nobody sees it before it is locked.
  counts=$(mktemp -d "/tmp/covidtrends-geo-new-XXXXXXXX")
  exec 8<"$counts"
  flock 8
  mv -T "$counts" "$prefix-${counts##*-}"
  counts=$prefix-${counts##*-}
  # In a session of its own: whoever ends the server with all that it has started leaves this one.
  setsid flock "$counts" rm -rf "$counts" 8<&- </dev/null >/dev/null 2>&1 &
}

# start_server GRANIAN ADDRESS PORT [OPTIONS...]
start_server() {
  local granian=$1 host=$2 port=$3 log=() counts=${PROMETHEUS_MULTIPROC_DIR:-}
  shift 3
  if [ -n "$counts" ]; then # a folder of the operator's choice: only counters of an earlier server are deleted
    mkdir -p -m 700 "$counts"
    [ -O "$counts" ] || { echo "PROMETHEUS_MULTIPROC_DIR: $counts belongs to another user" >&2; exit 1; }
    find "$counts/" -maxdepth 1 -type f -user "$(id -u)" -regex '.*/\(counter\|histogram\|summary\|gauge_[a-z]+\)_[0-9]+\.db' -delete
  else
    counts_folder
  fi
  export PROMETHEUS_MULTIPROC_DIR=$counts
  # granian's own lines look like the service's: its formatter is in app/.
  export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
  [ "${LOG_FORMAT:-line}" != json ] || log=(--log-config config/granian-json.json)
  # No access log: addresses hold positions and postal codes. A thread is a database connection, and threads bound the
  # work. The backpressure bounds connections, idle ones too: too few, and browsers that keep theirs lock everybody else out.
  # After SIGHUP an old process goes the respawn interval after its successor was started: it must have had time to start.
  # HTTP/1.1 only: what a proxy speaks to it, and one protocol less to be attacked through.
  exec "$granian" --interface wsgi --http 1 --host "$host" --port "$port" \
    --workers "${WEB_WORKERS:-2}" --blocking-threads "${WEB_THREADS:-8}" --blocking-threads-idle-timeout 600 \
    --backpressure 1024 --backlog 1024 --http1-header-read-timeout 5000 --http1-buffer-size 65536 --no-ws --no-access-log \
    --respawn-failed-workers --respawn-interval 10 --workers-kill-timeout 10 ${log[@]+"${log[@]}"} "$@" config.wsgi:application
}
