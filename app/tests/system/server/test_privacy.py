"""Privacy: requests with marked values to every route of a running server; no log, cache file or metric contains them."""

import re
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings
from django.urls import get_resolver

from tests.support.processes import wait_until
from tests.system.server.conftest import Server

pytestmark = pytest.mark.django_db

LAT, LON, CODE, ADDRESS = "43.1234567", "-79.7654321", "M5V3L9", "203.0.113.77"
MARKS = ("43.1234567", "79.7654321", "M5V3L9", "M5V 3L9", "m5v3l9", "203.0.113.77", "K7Q9Z8")
# The marks, and the forms that rounding or URL encoding would give them.
MARK_PATTERN = re.compile("|".join(map(re.escape, (*MARKS, "43.12345", "79.76543", "M5V%203L9", "M5V+3L9"))), re.IGNORECASE)
HEADERS = {
    "X-Forwarded-For": f"{ADDRESS}, {ADDRESS}",
    "X-Real-IP": ADDRESS,
    "Forwarded": f"for={ADDRESS}",
    "Referer": f"https://maps.example.org/?lat={LAT}&lon={LON}",
    "User-Agent": CODE,
    "X-Request-ID": CODE,
    "Accept-Language": CODE,
    "Cookie": f"position={LAT},{LON}",
    "Authorization": f"Bearer {CODE}",
    "If-None-Match": f'"{CODE}"',
    "Origin": f"https://{CODE}.example.org",
}
TOKEN = "token-of-the-metrics"
METRICS = {"Authorization": f"Bearer {TOKEN}"}
QUERIES = (
    f"lat={LAT}&lon={LON}",
    f"lat={LAT}&lon={LON}&accuracy=500",
    f"lat={LON}&lon={LAT}",
    f"lat={LAT}x&lon={LON}",
    f"lng={LON}&lat={LAT}&at={CODE}",
    f"{LAT}=1",
    f"q={CODE}",
    f"bbox={LON},{LAT},-79.1,43.9",
    f"vintage={CODE}",
    "",
)


def routes() -> list[str]:
    """Return every route with marked values as parameters; integer parameters get no mark."""
    results = []
    for pattern in get_resolver().url_patterns:
        for item in getattr(pattern, "url_patterns", [pattern]):
            results.append("/" + re.sub(r"<int:\w+>", "3", re.sub(r"<(?:str:|slug:)?\w+>", CODE, str(item.pattern))))
    return sorted({route for route in results if "<" not in route and "^" not in route})


def request_everything(server: Server) -> set[int]:
    statuses = set()
    for route in [*routes(), f"/nowhere/{CODE}", f"/static/{CODE}", f"//{CODE}", f"/fsa/{CODE}%00", f"/locate/{LAT}"]:
        for query in QUERIES:
            statuses.add(server.get(f"{route}?{query}", HEADERS)[0])
    body = f'{{"points": [{{"lat": {LAT}, "lon": {LON}}}], "codes": ["{CODE}"], "{CODE}": 1}}'
    for route in ("/locate", "/fsa", f"/fsa/{CODE}", "/nowhere"):
        for text in (body, body[:-5], f"lat,lon\n{LAT},{LON}\n", f"{CODE}\x00"):
            for kind in ("application/json", "text/csv", "application/x-ndjson", CODE):
                request = (
                    f"POST {route}?lat={LAT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n"
                    f"X-Forwarded-For: {ADDRESS}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
                )
                statuses.add(int((server.send_raw(request.encode()) or b"- 0").split(b" ", 2)[1]))
    for route in routes():
        request = f"POST {route} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        statuses.add(int((server.send_raw(request.encode()) or b"- 0").split(b" ", 2)[1]))
    for raw in (
        f"GET /locate?lat={LAT}&lon={LON} HTTP/9.9\r\n\r\n",
        f"{CODE} /fsa/{CODE} HTTP/1.1\r\nHost: {CODE}.example.org\r\nConnection: close\r\n\r\n",
        f"GET /fsa/{CODE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: x{CODE}\r\n\r\n",
        f"GET /fsa/{CODE} HTTP/1.1\r\nHost: {CODE}\r\nConnection: close\r\n\r\n",
        f"{LAT},{LON}\r\n\r\n",
    ):
        server.send_raw(raw.encode())
    return statuses


def test_logs_cache_and_metrics_have_no_request_data(serve: Any, committed_world: dict[str, str], tmp_path: Path) -> None:
    database_log = _database_log()
    before = database_log.stat().st_size if database_log else 0
    keys = {key.removeprefix("DB_").lower(): value for key, value in committed_world.items()}
    more = {"LOG_LEVEL": "DEBUG", "LOG_REQUESTS": "true", "DB_STATEMENT_TIMEOUT_MS": "400", "THROTTLE_RATE": "100000/s"}
    more |= {"GEODATA_CACHE": str(tmp_path), "BODY_CACHE_MB": "64", "METRICS_TOKEN": TOKEN}
    with serve(WEB_WORKERS="2", WEB_THREADS="2", TRUSTED_PROXIES="1", **more) as server:
        statuses = request_everything(server)
        assert {200, 400, 404, 405} <= statuses
        assert 500 not in statuses
        # Statement timeouts: queries of the locked tables exceed DB_STATEMENT_TIMEOUT_MS.
        holder = psycopg2.connect(dbname=keys.pop("name"), **keys)
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE region, vintage IN ACCESS EXCLUSIVE MODE")
            timed_out = [server.get(f"/fsa/{CODE}?at=2024-0{number}-01", HEADERS)[0] for number in range(1, 4)]
            timed_out.append(server.get(f"/health-regions?lat={LAT}&lon={LON}", HEADERS)[0])
        holder.rollback()
        holder.close()
        assert 503 in timed_out
        counted = 'geo_problems_total{kind="database-busy"}'
        wait_until(lambda: counted in server.get("/metrics", METRICS)[1], "the refusals are counted")
        text = server.get("/metrics", METRICS)[1]
        folder = server.log.parent
    assert not MARK_PATTERN.search(text)
    assert "GET /locate" in server.written
    assert any(path.name.startswith("lock-") for path in _files(tmp_path)), (
        "no response was cached, so no cache file was searched"
    )
    results = [
        line
        for path in _files(folder) + _files(tmp_path)
        for line in path.read_text("latin-1").splitlines()
        if MARK_PATTERN.search(line)
    ]
    assert not results, results[:5]
    assert not [path for path in _files(tmp_path) if MARK_PATTERN.search(path.name)]
    if database_log:
        with database_log.open("rb") as log:
            log.seek(before)
            written = log.read().decode("utf-8", "replace")
        # log_min_messages keeps errors of statements out of the log.
        assert "canceling statement" not in written
        assert not MARK_PATTERN.search(written)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _database_log() -> Path | None:
    """Return the log of the private PostGIS; None for another database or an unreadable log."""
    for line in (settings.REPO_DIR / ".local" / "env").read_text(encoding="utf-8").splitlines():
        if line.startswith("DB_CLUSTER="):
            log = Path(line.partition("=")[2]) / "server.log"
            return log if log.is_file() else None
    return None
