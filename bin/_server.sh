# shellcheck shell=bash
# The server's options, for bin/serve and for the container. Sourced; run from app/.

# start_server GRANIAN ADDRESS PORT [OPTIONS...]
start_server() {
  local granian=$1 host=$2 port=$3 log=() counts
  shift 3
  # Where the processes count together (operations.metrics): what an earlier server counted is none of this one's.
  # In /tmp, which in the container is memory and nobody else's.
  counts=${PROMETHEUS_MULTIPROC_DIR:-/tmp/covidtrends-geo-counts-$(id -u)-$port}
  rm -rf "$counts"
  mkdir -m 700 "$counts"
  export PROMETHEUS_MULTIPROC_DIR=$counts
  # granian's own lines look like the service's: its formatter is in app/.
  export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
  [ "${LOG_FORMAT:-line}" != json ] || log=(--log-config config/granian-json.json)
  # No access log: addresses hold positions and postal codes. A thread is a database connection, and threads bound the
  # work. The backpressure bounds connections, idle ones too: too few, and browsers that keep theirs lock everybody else out.
  # After SIGHUP an old process goes the respawn interval after its successor was started: it must have had time to start.
  # HTTP/1.1 only: what a proxy speaks to it, and one protocol less to be attacked through.
  exec "$granian" --interface wsgi --http 1 --host "$host" --port "$port" \
    --workers "${WEB_WORKERS:-2}" --blocking-threads "${WEB_THREADS:-4}" --blocking-threads-idle-timeout 600 \
    --backpressure 1024 --backlog 1024 --http1-header-read-timeout 5000 --http1-buffer-size 65536 --no-ws --no-access-log \
    --respawn-failed-workers --respawn-interval 10 --workers-kill-timeout 10 ${log[@]+"${log[@]}"} "$@" config.wsgi:application
}
