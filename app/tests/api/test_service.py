"""/vintages, /livez, /readyz and /docs."""

import html
import re
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.urls import resolve

from geography.models import Status, Vintage
from tests.support import demo_regions as worlds


class TestVintages:
    def test_vintages_lists_published_vintages_with_source(self, get, world, assert_schema):
        response = get("/vintages")
        body = response.json()
        assert response.headers["Content-Type"] == "application/json"
        assert_schema("VintageList", body)
        assert [(vintage["coverage"], vintage["label"]) for vintage in body["vintages"]] == [
            ("fsa", "extract"),
            ("fsa", "2021"),
            ("fsa", "demo"),
            ("health-regions", "2022"),
            ("health-regions", "2018"),
            ("health-regions", "demo"),
        ]
        assert body["vintages"][3] | {"region_count": 6, "product": "Boundaries 2022"} == body["vintages"][3]
        assert body["vintages"][4]["effective_to"] == "2022-01-01"


class TestLiveness:
    @pytest.mark.usefixtures("database_away")
    def test_livez_needs_no_database(self, get, assert_schema):
        response = get("/livez")
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert_schema("Live", response.json())


class TestReadiness:
    def test_readyz_reports_vintages_and_postgis(self, get, world, assert_schema):
        response = get("/readyz")
        body = response.json()
        assert response.status_code == 200
        assert_schema("Ready", body)
        assert body["checks"]["vintages"] == {
            "health-regions": {"label": "2022", "demo": False},
            "fsa": {"label": "2021", "demo": False},
        }
        assert re.fullmatch(r"3\.\d+(\.\d+)?", body["checks"]["postgis"])

    @pytest.mark.parametrize("missing", ["health-regions", "fsa"])
    def test_readyz_needs_a_vintage_of_each_coverage(self, get, world, assert_problem, missing):
        Vintage.objects.filter(coverage__slug=missing).update(status=Status.RETIRED)
        response = get("/readyz")
        body = assert_problem(response, 503, "not-ready")
        assert body["checks"]["vintages"][missing] is None
        assert response.headers["Retry-After"] == "5"

    @pytest.mark.django_db
    def test_readyz_needs_a_vintage_in_force(self, get, assert_problem):
        worlds.coverages()
        for coverage in ("health-regions", "fsa"):
            worlds.make_vintage(coverage, "future", date(9000, 1, 1))
        assert_problem(get("/readyz"), 503, "not-ready")

    def test_readyz_needs_every_migration(self, get, world, assert_problem, monkeypatch):
        monkeypatch.setattr(
            "geography.queries.readiness._migrations_of_this_code", lambda: frozenset({("geography", "9999_future")})
        )
        body = assert_problem(get("/readyz"), 503, "not-ready")
        assert (body["checks"]["migrations_missing"], body["checks"]["vintages"]) == (1, {})


class TestDocumentationPage:
    @pytest.mark.parametrize("path", ["/docs", "/docs/"])
    def test_docs_page_loads_no_external_resources(self, get, path):
        response = get(path)
        text = response.content.decode()
        assert response.status_code == 200
        loaded = re.findall(r'\ssrc="([^"]*)"|<link rel="(?:stylesheet|icon|preload|modulepreload)[^>]* href="([^"]*)"', text)
        assert len(loaded) == 5
        assert all("".join(pair).startswith("/static/") for pair in loaded)
        assert set(re.findall(r"https?://([^/\"]+)", text)) <= {"testserver", "schema.org"}
        assert 'data-schema="/schema"' in text

    def test_docs_page_static_files_exist(self, get):
        files = re.findall(r'(?:src|href)="/static/([^"]+)"', get("/docs").content.decode())
        assert len(files) == 5
        assert all(finders.find(name) for name in files)

    def test_first_steps_lead_to_routes(self, get):
        """tests/system/browser/test_docs.py follows them."""
        paths = re.findall(r'href="(/[^"]*)"', get("/docs").content.decode())
        assert len(paths) > 15
        assert all(resolve(urlsplit(html.unescape(path)).path) for path in paths if not path.startswith("/static/"))

    def test_docs_page_uses_no_external_validator(self):
        assert "validatorUrl: null" in Path(str(finders.find("api/docs.js"))).read_text(encoding="utf-8")
