"""/metrics: counters across several processes, no request data in labels, access control."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from operations.metrics import route_of
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Return every sample of an exposition by name and labels, parsed by Prometheus's client library."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(scraped: Samples, name: str, **labels: str) -> float:
    """Return the sum of all samples with this name and these labels."""
    return sum(number for (item, held), number in scraped.items() if item == name and frozenset(labels.items()) <= held)


def scrape(server: Server) -> Samples:
    status, text, headers = server.get("/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=")
    assert headers["cache-control"] == "no-store"
    return samples(text)


class TestWithTwoProcesses:
    def test_every_process_reports_the_counts_of_all(self, server: Server) -> None:
        before = value(scrape(server), "geo_http_requests_total", route="/fsa/{code}", method="GET", status="404")
        with ThreadPoolExecutor(6) as pool:
            statuses = list(
                pool.map(lambda number: server.get(f"/fsa/K1A?detail=none&at=2024-01-{number:02}")[0], range(1, 31))
            )
        assert statuses == [404] * 30
        # Each scrape is a new connection, which either process may accept.
        counts = [value(scrape(server), "geo_http_requests_total", route="/fsa/{code}", status="404") for _ in range(8)]
        assert counts == [before + 30] * 8

    def test_both_processes_have_counted(self, server: Server) -> None:
        counting = (server.log.parent / "counts").glob("counter_*.db")
        assert {int(path.stem.split("_")[-1]) for path in counting} <= set(server.workers())
        result = scrape(server)
        assert value(result, "geo_workers") == 2
        assert value(result, "geo_threads") == 6
        assert {dict(labels)["pid"] for name, labels in result if name == "geo_worker_resident_bytes"} == set(
            map(str, server.workers())
        )
        assert 20e6 < value(result, "geo_worker_resident_bytes") < 2e9

    def test_duration_statements_and_problems_are_counted_by_route(self, server: Server) -> None:
        before = scrape(server)
        assert server.get("/health-regions/3501?detail=none")[0] == 200
        assert server.get("/health-regions/9999")[0] == 404
        after = scrape(server)

        def more(name: str, **labels: str) -> float:
            return value(after, name, **labels) - value(before, name, **labels)

        assert more("geo_http_request_duration_seconds_count", route="/health-regions/{id}") == 2
        assert 0 < more("geo_http_request_duration_seconds_sum", route="/health-regions/{id}") < 30
        # One statement for the region, two for the unknown region, and two for the catalogue of each process without one.
        assert 3 <= more("geo_database_statements_total", route="/health-regions/{id}") <= 7
        assert more("geo_database_seconds_total", route="/health-regions/{id}") > 0
        assert more("geo_problems_total", kind="region-unknown") == 1

    def test_gauges_of_database_and_vintages(self, server: Server) -> None:
        result = scrape(server)
        assert value(result, "geo_database_up") == 1
        assert value(result, "geo_vintage_in_force_info", coverage="health-regions", vintage="2022", demo="false") == 1
        assert value(result, "geo_vintage_effective_from_seconds", coverage="fsa") == 1609459200  # 2021-01-01
        assert value(result, "geo_vintages_published", coverage="health-regions") == 3
        assert 1 <= value(result, "geo_database_connections") <= 10
        assert value(result, "geo_http_requests_in_progress") == 1  # the scrape

    def test_deprecated_names_have_the_same_samples(self, server: Server) -> None:
        result = scrape(server)
        for old_name, name in (
            ("geo_database_silent", "geo_database_unavailable"),
            ("geo_database_statements_cut_total", "geo_database_statements_aborted_total"),
        ):
            samples_of = {labels: number for (sample, labels), number in result.items() if sample == name}
            assert samples_of
            assert {labels: number for (sample, labels), number in result.items() if sample == old_name} == samples_of

    @pytest.mark.parametrize(
        "path",
        [
            "/fsa/M5V3L9",
            "/fsa/Q1Q9Z9",
            "/locate?lat=43.123456&lon=-79.654321",
            "/nowhere/M5V3L9",
            "/livez?43.123456=1",
            "/static/M5V3L9",
        ],
    )
    def test_labels_have_no_request_data(self, server: Server, path: str) -> None:
        server.get(path, {"X-Forwarded-For": "203.0.113.77", "User-Agent": "M5V3L9"})
        text = server.get("/metrics")[1]
        assert not re.search(r"M5V|Q1Q|43\.12|79\.65|nowhere|203\.0\.113", text)

    def test_unknown_method_has_label_other(self, server: Server) -> None:
        for number in range(5):
            server.send_raw(f"M5V{number} /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        text = server.get("/metrics")[1]
        assert 'method="other"' in text
        assert "M5V" not in text


class TestAccess:
    def test_metrics_are_for_localhost_without_proxy(self, client: Any, db: None) -> None:
        for name in ("localhost", "127.0.0.1:8000", "[::1]:8000"):
            assert client.get("/metrics", HTTP_HOST=name).status_code == 200
        assert client.get("/metrics", REMOTE_ADDR="::1", HTTP_HOST="localhost").status_code == 200
        for headers in (
            {"REMOTE_ADDR": "10.1.2.3"},
            {"REMOTE_ADDR": ""},
            {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
            {"HTTP_VIA": "1.1 proxy"},
            {"HTTP_FORWARDED": "for=127.0.0.1"},
            {"HTTP_HOST": "testserver"},
            {"SERVER_PROTOCOL": "HTTP/1"},
        ):
            response: Any = client.get("/metrics", **{"HTTP_HOST": "localhost"} | headers)
            assert response.status_code == 404, headers
            assert response.json()["type"] == "/problems/route-unknown"

    def test_metrics_behind_proxy_need_a_token(self, client: Any, settings: Any, db: None) -> None:
        settings.TRUSTED_PROXIES = 1
        assert client.get("/metrics", HTTP_HOST="localhost").status_code == 404

    def test_metrics_token_is_required(self, client: Any, settings: Any, db: None) -> None:
        settings.METRICS_TOKEN = "a long enough token"
        right = {"HTTP_AUTHORIZATION": "Bearer a long enough token", "REMOTE_ADDR": "10.1.2.3", "HTTP_VIA": "1.1 proxy"}
        assert client.get("/metrics", **right).status_code == 200
        for wrong in ({}, {"HTTP_AUTHORIZATION": "Bearer a long enough tokeN"}, {"HTTP_AUTHORIZATION": "Bearer "}):
            assert client.get("/metrics", **wrong).status_code == 404

    def test_metrics_allow_get_only(self, client: Any, db: None) -> None:
        assert client.post("/metrics").status_code == 405

    @pytest.mark.usefixtures("database_away")
    def test_metrics_with_database_unavailable(self, client: Any) -> None:
        result = samples(client.get("/metrics", HTTP_HOST="localhost").content.decode())
        assert value(result, "geo_database_up") == 0
        assert value(result, "geo_workers") == 1
        assert not any(name.startswith("geo_vintage") for name, _ in result)


def test_route_label_is_spelled_as_in_documentation() -> None:
    class Match:
        url_name: str | None = None

        def __init__(self, route: str, url_name: str | None = None) -> None:
            self.route, self.url_name = route, url_name

    assert route_of(Match("fsa/<str:code>/boundary/")) == "/fsa/{code}/boundary"
    assert route_of(Match("tiles/<str:coverage>/<int:z>/<int:x>/<int:y>.mvt")) == "/tiles/{coverage}/{z}/{x}/{y}.mvt"
    assert (route_of(Match("", "root")), route_of(Match("")), route_of(None)) == ("/", "(none)", "(before)")


def test_cache_hits_and_misses_are_counted(client: Any, committed_world: Any, db: None, settings: Any, tmp_path: Any) -> None:
    settings.GEODATA_CACHE, settings.BODY_CACHE_MB = tmp_path, 16
    before = samples(client.get("/metrics", HTTP_HOST="localhost").content.decode())
    statuses = [client.get("/health-regions?detail=low") for _ in range(3)]
    for etag in (statuses[0].headers["ETag"], '"another"'):
        client.get("/health-regions?detail=low", headers={"If-None-Match": etag})
    after = samples(client.get("/metrics", HTTP_HOST="localhost").content.decode())
    counted = {
        (cache, result): value(after, "geo_cache_requests_total", cache=cache, result=result)
        - value(before, "geo_cache_requests_total", cache=cache, result=result)
        for cache in ("bodies", "client")
        for result in ("hit", "miss")
    }
    assert counted == {("bodies", "miss"): 1, ("bodies", "hit"): 3, ("client", "hit"): 1, ("client", "miss"): 1}
