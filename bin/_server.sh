# shellcheck shell=bash
# The server's options, for bin/serve and for the container. Sourced; run from app/.

# start_server GRANIAN ADDRESS PORT [OPTIONS...]
start_server() {
  local granian=$1 host=$2 port=$3
  shift 3
  # No access log: addresses hold positions and postal codes. A thread is a database connection, and threads bound the
  # work. The backpressure bounds connections, idle ones too: too few, and browsers that keep theirs lock everybody else out.
  exec "$granian" --interface wsgi --host "$host" --port "$port" \
    --workers "${WEB_WORKERS:-2}" --blocking-threads "${WEB_THREADS:-4}" --blocking-threads-idle-timeout 600 \
    --backpressure 1024 --backlog 1024 --http1-header-read-timeout 5000 --no-ws --no-access-log \
    --respawn-failed-workers --workers-kill-timeout 10 "$@" config.wsgi:application
}
