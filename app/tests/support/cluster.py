"""Temporary PostgreSQL cluster for a test or benchmark, created with bin/_cluster.sh in a folder of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BIN = Path(__file__).resolve().parents[3] / "bin"
ROOT = os.getuid() == 0
WAIT_S = 60
# Finds PostgreSQL's programs, installed or unpacked, and runs one as the owner of the cluster: name, four settings, arguments.
_RUN = """. ./_lib.sh; . ./_cluster.sh; find_postgis || exit 77
tool=$1 keys=("${@:2:4}"); as_cluster_user "${keys[@]}" "$PG_BIN/$tool" "${@:6}" """

_CLUSTER = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 128MB
max_connections = 60
wal_level = replica
wal_keep_size = 256MB
hot_standby_feedback = on
random_page_cost = 1.1
jit = off
log_min_error_statement = panic
log_error_verbosity = terse
"""


class NotInstalled(SystemExit):
    """A required program is not installed."""


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as item:
        item.bind(("127.0.0.1", 0))
        return int(item.getsockname()[1])


def program(name: str, pattern: str) -> str:
    """Return the path of a program. Raises: NotInstalled."""
    result = sorted(Path("/").glob(pattern.lstrip("/")))
    if not result:
        raise NotInstalled(f"{name} is not installed: bin/scale installs what this needs")
    return str(result[-1])


def as_postgres(*command: str) -> list[str]:
    """Return the command, prefixed to run as the user postgres: PostgreSQL and PgBouncer do not run as root."""
    plain = ["env", "-i", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"]
    return [*(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if ROOT else []), *plain, *command]


@contextmanager
def folder_for_postgres(what: str) -> Iterator[Path]:
    """Yield a temporary folder that the user postgres may write to."""
    folder = Path(tempfile.mkdtemp(prefix=f"covidtrends-geo-{what}-"))
    try:
        if ROOT:
            shutil.chown(folder, "postgres", "postgres")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """A PostgreSQL cluster; `settings` are lines of postgresql.conf that override the common ones."""

    def __init__(self, folder: Path, password: str, settings: str = "") -> None:
        self.folder, self.password, self.port = folder, password, free_port()
        self._settings = settings

    def run(self, tool: str, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run a program of PostgreSQL, connecting as the superuser. Raises: NotInstalled, RuntimeError."""
        keys = [f"PGPASSWORD={self.password}", "PGUSER=postgres", "PGHOST=127.0.0.1", f"PGPORT={self.port}"]
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        done = subprocess.run(
            ["bash", "-c", _RUN, "cluster", tool, *keys, *arguments],
            cwd=BIN,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * WAIT_S,
            **options,
        )
        if done.returncode == 77:
            raise NotInstalled("PostgreSQL's programs are not on this machine: no cluster can be made")
        if done.returncode:
            raise RuntimeError(f"{tool}: {done.stderr or done.stdout}")
        return done

    def make(self) -> None:
        """Create the cluster (initdb), with a password for the superuser `postgres`."""
        word = self.folder.with_suffix(".password")
        word.write_text(self.password, encoding="ascii")
        if ROOT:
            shutil.chown(word, "postgres")
        sums = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={word}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self.run("initdb", "-D", str(self.folder), *sums)
        with (self.folder / "postgresql.conf").open("a", encoding="ascii") as conf:
            conf.write(_CLUSTER + self._settings)

    def follow(self, primary: "Cluster") -> None:
        """Create the cluster as a streaming standby of a running primary."""
        options = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        primary.run("pg_basebackup", "-D", str(self.folder), *options)

    def start(self) -> None:
        """Start the cluster and wait until it accepts connections."""
        log = self.folder.with_suffix(".log")
        options = ["-w", "-t", str(WAIT_S), "-D", str(self.folder), "-l", str(log), "-o", f"-p {self.port}"]
        self.run("pg_ctl", "start", *options)

    @property
    def running(self) -> bool:
        """True from the start of the cluster to its stop."""
        return (self.folder / "postmaster.pid").exists()

    def stop(self, mode: str = "immediate") -> None:
        """Stop the cluster; the mode `immediate` simulates a crash."""
        if self.running:
            self.run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.folder))

    def sql(self, text: str, database: str = "postgres") -> str:
        """Run SQL as the superuser and return psql's unaligned output."""
        return self.run("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", database, input=text).stdout.strip()
