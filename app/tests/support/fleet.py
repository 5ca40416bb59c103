"""A deployment of several servers on one machine: primary, streaming standby, PgBouncer, web servers, nginx as load balancer.

    with Fleet(webs=2) as fleet:
        fleet.prepare("load_boundaries", "--embedded", "--no-downloads")
        fleet.serve()
        fleet.address     # of nginx

All files are in a temporary folder, all ports on 127.0.0.1. Requires Debian's postgresql-*-postgis-3, pgbouncer and nginx;
`bin/scale install` installs the latter two.
"""

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from tests.support.cluster import ROOT, WAIT_S, Cluster, as_postgres, free_port, program

APP = Path(__file__).resolve().parents[2]
REPO = APP.parent
NAME = "covidtrends_geo"

_POOLER = """
[databases]
{name} = host=127.0.0.1 port={primary}
{name}_standby = host=127.0.0.1 port={standby} dbname={name}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/userlist.txt
pool_mode = transaction
max_client_conn = 400
default_pool_size = 8
query_wait_timeout = 3
server_connect_timeout = 2
server_login_retry = 1
log_connections = 0
log_disconnections = 0
"""

_PROXY = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
{user}
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 16m;
    upstream web {{
        {servers}
        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://web;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_connect_timeout 1s;
            # All requests are read-only, POST included: a request lost with a server is retried on the next server.
            proxy_next_upstream error timeout non_idempotent;
        }}
    }}
}}
"""


class Fleet:
    """Deployment (see the module); `standby`, `pooler` and `proxy` can be omitted; `settings` are for the web servers."""

    def __init__(
        self,
        *,
        webs: int = 2,
        standby: bool = True,
        pooler: bool = True,
        proxy: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="covidtrends-geo-fleet-"))
        self.folder.chmod(0o755)
        self.passwords = {role: secrets.token_hex(16) for role in ("postgres", NAME, "geo_api", "geo_loader")}
        (self.folder / "clusters").mkdir()
        if ROOT:
            shutil.chown(self.folder / "clusters", "postgres", "postgres")
        self.primary = Cluster(self.folder / "clusters" / "primary", self.passwords["postgres"])
        self.standby = Cluster(self.folder / "clusters" / "standby", self.passwords["postgres"]) if standby else None
        self.pooler_port = free_port() if pooler else None
        self.proxy_port = free_port() if proxy else None
        self.ports = [free_port() for _ in range(webs)]
        self.webs: list[subprocess.Popen[bytes]] = []
        self.settings = settings or {}
        self.others: list[subprocess.Popen[bytes]] = []
        self._logs: list[IO[bytes]] = []

    def __enter__(self) -> "Fleet":
        try:
            self._databases()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def address(self) -> str:
        """URL for clients: nginx, else the first web server."""
        return f"http://127.0.0.1:{self.proxy_port or self.ports[0]}"

    @property
    def owner(self) -> dict[str, str]:
        """Environment in which manage.py works on the primary as the owner of the database."""
        return self._environment(DB_PORT=str(self.primary.port), DB_USER=NAME, DB_PASSWORD=self.passwords[NAME])

    def prepare(self, *command: str) -> str:
        """Run manage.py on the primary, and return its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=APP, env=self.owner, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {command[0]}: {done.stderr[-3000:]}")
        return done.stdout

    def serve(self) -> None:
        """Start the web servers and nginx, and wait until each is ready."""
        for number in range(len(self.ports)):
            self.webs.append(self.start_web(number))
        if self.proxy_port:
            servers = "\n        ".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;" for port in self.ports)
            user = "user nobody nogroup;" if ROOT else ""
            text = _PROXY.format(folder=self.folder, user=user, servers=servers, port=self.proxy_port)
            (self.folder / "nginx.conf").write_text(text, encoding="ascii")
            nginx = [program("nginx", "/usr/sbin/nginx"), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
            self.others.append(self._begin([*nginx, "-e", str(self.folder / "nginx.log")], {}, "nginx-out"))
        for port in [*self.ports, *([self.proxy_port] if self.proxy_port else [])]:
            try:
                wait_for(f"http://127.0.0.1:{port}/readyz")
            except TimeoutError as error:
                join = "\n".join(
                    f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in self.folder.rglob("*.log")
                )
                raise TimeoutError(f"{error}\n{join}") from None

    def start_web(self, number: int) -> "subprocess.Popen[bytes]":
        """Start a web server as bin/serve does."""
        own = self.folder / f"web{number}"
        own.mkdir(exist_ok=True)
        base = {"DB_USER": "geo_api", "DB_PASSWORD": self.passwords["geo_api"], "DB_POOLED": str(bool(self.pooler_port))}
        if self.standby:
            place = f"{self.pooler_port}/{NAME}_standby" if self.pooler_port else f"{self.standby.port}/{NAME}"
            base["DB_REPLICA_URL"] = f"postgis://geo_api:{self.passwords['geo_api']}@127.0.0.1:{place}"
        place_of = {"GEODATA_CACHE": str(own), "TMPDIR": str(own), "DB_PORT": str(self.pooler_port or self.primary.port)}
        granian = Path(sys.executable).with_name("granian")
        start = f". ../bin/_server.sh; start_server {shlex.quote(str(granian))} 127.0.0.1 {self.ports[number]}"
        environment = self._environment(**base, **place_of, **self.settings)
        return self._begin(["bash", "-c", start], environment, f"web{number}", cwd=APP)

    def kill_web(self, number: int) -> None:
        """Kill a web server with all its processes (SIGKILL)."""
        os.killpg(self.webs[number].pid, signal.SIGKILL)
        self.webs[number].wait()

    def log(self, name: str) -> str:
        """Return the log of a program: web0, web1, pgbouncer."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Stop everything and remove the folder."""
        for process in [*self.others, *self.webs]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in [*self.others, *self.webs]:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for cluster in (self.standby, self.primary):
            if cluster:
                cluster.stop()
        for log in self._logs:
            log.close()
        shutil.rmtree(self.folder)

    def _databases(self) -> None:
        self.primary.make()
        self.primary.start()
        words = self.passwords
        schema = [(REPO / "data" / "schema" / f"0{name}.sql").read_text("utf-8") for name in ("10_extensions", "20_roles")]
        self.primary.sql(f"create role {NAME} login createdb password '{words[NAME]}'")
        self.primary.sql(f"create database {NAME} owner {NAME}")
        self.primary.sql("\n".join(schema), NAME)
        # PgBouncer does not pass on connection options: the timeouts are set for the role.
        self.primary.sql(
            f"alter role geo_api password '{words['geo_api']}'; alter role geo_loader password '{words['geo_loader']}';"
            "alter role geo_api set statement_timeout = '10s'; alter role geo_api set lock_timeout = '2500ms'"
        )
        if self.standby:
            self.standby.follow(self.primary)
            self.standby.start()
        self.prepare("migrate", "--noinput")
        if self.pooler_port:
            self._pooler(self.pooler_port)

    def _pooler(self, port: int) -> None:
        folder = self.folder / "clusters"
        standby = self.standby.port if self.standby else self.primary.port
        text = _POOLER.format(name=NAME, primary=self.primary.port, standby=standby, port=port, folder=folder)
        (folder / "pgbouncer.ini").write_text(text, encoding="ascii")
        (folder / "userlist.txt").write_text(f'"geo_api" "{self.passwords["geo_api"]}"\n', encoding="ascii")
        if ROOT:
            shutil.chown(folder / "userlist.txt", "postgres")
        (folder / "userlist.txt").chmod(0o600)
        command = as_postgres(program("pgbouncer", "/usr/sbin/pgbouncer"), "-q", str(folder / "pgbouncer.ini"))
        self.others.append(self._begin(command, {}, "pgbouncer"))

    def _environment(self, **keys: str) -> dict[str, str]:
        retained = ("PATH", "HOME", "LANG", "GDAL_LIBRARY_PATH", "GEOS_LIBRARY_PATH", "GDAL_DATA", "PROJ_DATA", "PROJ_LIB")
        base = {key: os.environ[key] for key in retained if key in os.environ}
        base |= {"DB_HOST": "127.0.0.1", "DB_NAME": NAME, "DATABASE_URL": "", "SECRET_KEY": "fleet", "DEBUG": "false"}
        return base | {"STATIC_ROOT": str(self.folder), "DOWNLOADS_DIR": str(self.folder / "downloads")} | keys

    def _begin(
        self, command: list[str], environment: dict[str, str], name: str, cwd: Path = Path("/")
    ) -> "subprocess.Popen[bytes]":
        log = (self.folder / f"{name}.log").open("ab")
        self._logs.append(log)
        # A new session, so that the whole process group can be killed.
        return subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log, start_new_session=True)


def ended_in_order() -> None:
    """Make SIGTERM and SIGINT raise SystemExit, so that a fleet is stopped."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))


def wait_for(address: str) -> None:
    """Wait until a URL returns 200. Raises: TimeoutError."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(address, timeout=5) as response:
            if response.status == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(address)
