# shellcheck shell=bash
# granian's options, for bin/serve and for the container. Sourced; run from app/.

# Sets counts: the folder of the shared counters of all processes (operations.metrics), in /tmp, which is private memory in the
# container. The server inherits a descriptor that locks the folder while it runs. The background flock below waits for the lock and
# deletes the folder after the server has stopped; if that process was killed too, the next server deletes it.
counts_folder() {
  local old prefix
  prefix=/tmp/covidtrends-geo-counters-$(id -u)
  for old in "$prefix"-*; do
    [ -d "$old" ] && [ ! -L "$old" ] && [ -O "$old" ] || continue
    flock -n "$old" rm -rf "$old" || true # of a running server
  done
  # Created under another prefix, so that no other server deletes it before it is locked.
  counts=$(mktemp -d "/tmp/covidtrends-geo-new-XXXXXXXX")
  exec 8<"$counts"
  flock 8
  mv -T "$counts" "$prefix-${counts##*-}"
  counts=$prefix-${counts##*-}
  # In its own session, so that it survives when the server's process group is killed.
  setsid flock "$counts" rm -rf "$counts" 8<&- </dev/null >/dev/null 2>&1 &
}

# start_server GRANIAN ADDRESS PORT [OPTIONS...]
start_server() {
  local granian=$1 host=$2 port=$3 log=() counts=${PROMETHEUS_MULTIPROC_DIR:-}
  shift 3
  if [ -n "$counts" ]; then # set by the operator: only the counter files of an earlier server are deleted
    mkdir -p -m 700 "$counts"
    [ -O "$counts" ] || { echo "PROMETHEUS_MULTIPROC_DIR: $counts belongs to another user" >&2; exit 1; }
    find "$counts/" -maxdepth 1 -type f -user "$(id -u)" -regex '.*/\(counter\|histogram\|summary\|gauge_[a-z]+\)_[0-9]+\.db' -delete
  else
    counts_folder
  fi
  export PROMETHEUS_MULTIPROC_DIR=$counts
  # granian's log lines use the service's JSON formatter, which is in app/.
  export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
  [ "${LOG_FORMAT:-line}" != json ] || log=(--log-config config/granian-json.json)
  # No access log: URLs contain positions and postal codes. Each thread holds a database connection, and threads bound the work.
  # The backpressure bounds connections, idle ones too: with a low limit idle browsers would block other clients.
  # After SIGHUP an old process stops one respawn interval after its successor was started: the interval covers the start-up.
  # HTTP/1.1 only: proxies use it, and HTTP/2 would add attack surface.
  exec "$granian" --interface wsgi --http 1 --host "$host" --port "$port" \
    --workers "${WEB_WORKERS:-2}" --blocking-threads "${WEB_THREADS:-8}" --blocking-threads-idle-timeout 600 \
    --backpressure 1024 --backlog 1024 --http1-header-read-timeout 5000 --http1-buffer-size 65536 --no-ws --no-access-log \
    --respawn-failed-workers --respawn-interval 10 --workers-kill-timeout 10 ${log[@]+"${log[@]}"} "$@" config.wsgi:application
}
