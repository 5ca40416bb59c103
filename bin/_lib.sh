# shellcheck shell=bash
# Library of bin/: messages, settings, system packages, the virtual environment. Sourced, never run.
set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LOCAL=$ROOT/.local         # everything that bin/ creates, except .venv
LOCK=$LOCAL/lock           # file of `lock`
LOCAL_ENV=$LOCAL/env       # settings of lowest precedence, after the environment and .env
VENV=$ROOT/.venv
ME=$(id -u)

die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
say() { printf '%s\n' "$*"; }

# step LOG "TITLE" COMMAND...: prints one line with the duration. Output goes to .local/log/LOG.log; on failure its end is printed.
step() {
  local log=$LOCAL/log/$1.log title=$2 start=$SECONDS rc
  shift 2
  mkdir -p "$LOCAL/log"
  printf '  %-58s' "$title"
  # Not `if "$@"`: in a condition bash would ignore `set -e` inside the function that runs.
  set +e; ( set -e; "$@" ) >"$log" 2>&1 </dev/null; rc=$?; set -e
  if [ "$rc" = 0 ]; then printf '%4d s\n' $((SECONDS - start)); return; fi
  printf ' failed\n' >&2
  tail -n 40 "$log" >&2
  die "$title: failed; the complete output is in ${log#"$ROOT"/}"
}

# One set-up at a time per checkout, since bin/serve and bin/test may start together. A program that shares nothing with them sets
# LOCK to a file of its own. Background processes must close descriptor 9.
lock() {
  mkdir -p "$LOCAL/log" 2>/dev/null && [ -w "$LOCAL" ] && { [ ! -e "$LOCAL_ENV" ] || [ -r "$LOCAL_ENV" ]; } ||
    die "cannot write to $LOCAL: run as its owner, or delete it"
  exec 9>"$LOCK"
  flock -n 9 || { say "  waiting for another bin/ command in this checkout"; flock 9; }
}
unlock() { exec 9>&-; }

check_platform() {
  [ "$(uname -s)" = Linux ] || die "supports Debian and Ubuntu only; use Docker: cp .env.example .env && docker compose up"
}

need_disk() { # need_disk MB FOLDER
  local free
  free=$(df -Pm "$2" | awk 'NR == 2 {print $4}')
  [ "$free" -ge "$1" ] || die "needs $1 MB in $2, which has $free MB left"
}

random_secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# --- settings ---------------------------------------------------------------------------------------------------------

read_key() { # read_key FILE KEY: prints the value in an env file; nothing if it is missing
  [ -f "$1" ] || return 0
  sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$2=(.*)$/\2/p" "$1" | tail -n 1 |
    sed -E "s/[[:space:]]+$//; s/^\"(.*)\"$/\1/; t; s/^'(.*)'$/\1/; t; s/[[:space:]]+#.*$//"
}

# setting KEY [DEFAULT]: prints the value of the environment or .env. Empty counts as not set, as in the settings.
setting() {
  local value=${!1:-}
  [ -n "$value" ] || value=$(read_key "$ROOT/.env" "$1")
  printf '%s' "${value:-${2:-}}"
}

own_database() { [ -n "$(setting DB_HOST)$(setting DATABASE_URL)" ]; }

save_env() { # save_env KEY VALUE: writes to .local/env, which contains passwords
  local new
  new=$(mktemp "$LOCAL/env.XXXXXX") # mktemp creates it with mode 600
  { [ ! -f "$LOCAL_ENV" ] || grep -v "^$1=" "$LOCAL_ENV" || true; printf '%s=%s\n' "$1" "$2"; } >"$new"
  mv "$new" "$LOCAL_ENV"
}

# Exports .local/env for Python programs, except keys that the environment or .env sets.
# The DB_ keys apply together or not at all: address and password belong to the same database.
export_env() {
  local key value own=
  [ -f "$LOCAL_ENV" ] || return 0
  ! own_database || own=1
  while IFS='=' read -r key value; do
    case $key in
      DB_*) [ -n "$own" ] || export "$key=$value" ;;
      *) [ -n "$(setting "$key")" ] || export "$key=$value" ;;
    esac
  done <"$LOCAL_ENV"
}

manage() { (export_env; cd "$ROOT/app"; exec "$VENV/bin/python" manage.py "$@"); }

# --- system packages --------------------------------------------------------------------------------------------------

# Without a password prompt: if sudo requires a password, bin/ works without root.
can_be_root() { [ "$ME" = 0 ] || sudo -n true 2>/dev/null; }
as_root() { if [ "$ME" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
apt_as_root() { as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

# apt without root: lists and downloads in .local/apt, without installing.
apt_private() {
  mkdir -p "$LOCAL/apt/lists/partial" "$LOCAL/apt/cache/archives/partial"
  apt-get -q -y -o "Dir::State::Lists=$LOCAL/apt/lists" -o "Dir::Cache=$LOCAL/apt/cache" -o Debug::NoLocking=1 "$@"
}
unpack_debs() { # unpack_debs FOLDER: unpacks the downloads of apt_private
  local deb
  mkdir -p "$1"
  for deb in "$LOCAL"/apt/cache/archives/*.deb; do
    case ${deb##*/} in
      libc6_* | libc-bin_* | libgcc-s1_*) ;; # the system's versions must be used: they match its loader
      libllvm*) ;;                          # 100 MB for the JIT compiler, which is off
      *) dpkg -x "$deb" "$1" ;;
    esac
  done
  rm -rf "$LOCAL/apt"
}

# --- Python -----------------------------------------------------------------------------------------------------------

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then printf '%s' "$candidate"; return; fi
  done
  die "needs Python 3.11 or later (or set PYTHON to one)"
}

make_venv() { # creates an empty virtual environment
  local python wheels
  python=$(find_python)
  rm -rf "$VENV"
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$VENV"
  elif can_be_root && command -v apt-get >/dev/null; then # Debian has ensurepip in a separate package
    apt_as_root update
    apt_as_root install --no-install-recommends "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    "$python" -m venv "$VENV"
  elif command -v apt-get >/dev/null; then
    apt_private update
    (mkdir -p "$LOCAL/apt/cache/archives" && cd "$LOCAL/apt/cache/archives" && apt_private download python3-pip-whl)
    unpack_debs "$LOCAL/pip"
    "$python" -m venv --without-pip "$VENV"
    wheels=("$LOCAL"/pip/usr/share/python-wheels/pip-*.whl)
    "$VENV/bin/python" "${wheels[0]}/pip" install -q --no-index "${wheels[0]}"
  else
    die "this Python has no venv module: install it, or use Docker: docker compose up"
  fi
}

install_requirements() { # install_requirements STAMP REQUIREMENTS
  [ -x "$VENV/bin/pip" ] && [ "$(cat "$VENV/made-in" 2>/dev/null)" = "$ROOT" ] || make_venv
  "$VENV/bin/pip" install --disable-pip-version-check -r "$ROOT/$2"
  printf '%s' "$ROOT" >"$VENV/made-in" # a virtual environment cannot be moved to another path
  printf '%s' "$1" >"$VENV/installed-$2"
}

# Paths of GeoDjango's libraries in the wheels: no system packages, and the same versions everywhere.
# The file names contain a build hash, so they are searched.
save_gdal_paths() {
  local site
  site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
  save_env GDAL_LIBRARY_PATH "$(printf '%s\n' "$site"/pyogrio.libs/libgdal-*.so* | head -n 1)"
  save_env GEOS_LIBRARY_PATH "$(printf '%s\n' "$site"/shapely.libs/libgeos_c-*.so* | head -n 1)"
  save_env GDAL_DATA "$site/pyogrio/gdal_data"
  save_env PROJ_DATA "$site/pyogrio/proj_data"
  save_env PROJ_LIB "$site/pyogrio/proj_data"
}

need_python() { # need_python requirements.txt | requirements-dev.txt
  local stamp gdal
  stamp=$(cat "$ROOT"/requirements*.txt <(printf '%s' "$ROOT") | sha256sum | cut -c1-16)
  # requirements-dev.txt includes requirements.txt.
  if ! { [ "$(cat "$VENV/installed-$1" "$VENV/installed-requirements-dev.txt" 2>/dev/null | head -c 16)" = "$stamp" ] &&
    "$VENV/bin/python" -c '' 2>/dev/null; }; then
    find_python >/dev/null
    need_disk 700 "$ROOT"
    step "pip-${1%.txt}" "Python packages ($1)" install_requirements "$stamp" "$1"
  fi
  gdal=$(read_key "$LOCAL_ENV" GDAL_LIBRARY_PATH)
  [ -n "$gdal" ] && [ -e "$gdal" ] || save_gdal_paths
  # Django requires a key; it is saved, so that it stays the same.
  [ -n "$(setting SECRET_KEY)$(read_key "$LOCAL_ENV" SECRET_KEY)" ] || save_env SECRET_KEY "$(random_secret)"
}
