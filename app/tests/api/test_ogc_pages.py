"""OGC API - Features: pages, filters, caching, privacy and languages."""

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import resolve

from api.ogc import views
from geography.models import Status, Vintage
from operations.metrics import route_of
from tests.support import demo_regions as worlds

pytestmark = pytest.mark.django_db

ITEMS = "/ogc/collections/{}/items"
LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/3347"


@pytest.fixture(autouse=True)
def regions(world):
    """Insert the demo regions."""
    return world


def ids(response):
    assert response.status_code == 200, response.content
    return [feature["id"] for feature in response.json()["features"]]


def page(get, response, rel):
    """Return the response to the link of a page, None without such a link."""
    links = [link for link in response.json()["links"] if link["rel"] == rel]
    if not links:
        return None
    (link,) = links
    parts = urlsplit(link["href"])
    return get(f"{parts.path}?{parts.query}")


def pages(get, **parameters):
    response = get(ITEMS.format("health-regions"), **parameters)
    while response is not None:
        yield response
        response = page(get, response, "next")


@pytest.mark.parametrize("crs", ["http://www.opengis.net/def/crs/OGC/1.3/CRS84", LAMBERT])
@pytest.mark.parametrize("limit", [1, 2, 4, 6, 100])
def test_pages_hold_every_feature_once(get, limit, crs):
    responses = list(pages(get, limit=limit, crs=crs))
    assert [code for response in responses for code in ids(response)] == ["2401", "3501", "3502", "3503", "3504", "6101"]
    assert len(responses) == -(-6 // limit)
    assert {response.json()["numberMatched"] for response in responses} == {6}
    assert {response.headers["Content-Crs"] for response in responses} == {f"<{crs}>"}
    back = page(get, responses[-1], "prev")
    assert (back is None) == (len(responses) == 1)
    if back is not None:
        assert ids(back) == ids(responses[-2])


def test_pages_keep_the_filters(get):
    responses = list(pages(get, limit=3, province="ON", datetime="2022-06-01T00:00:00Z", lang="fr"))
    assert [ids(response) for response in responses] == [["3501", "3502", "3503"], ["3504"]]
    assert [response.headers["Content-Language"] for response in responses] == ["fr", "fr"]


def test_publication_between_two_pages_does_not_mix_vintages(get):
    first = get(ITEMS.format("health-regions"), limit=2)
    vintage = worlds.make_vintage("health-regions", "2023", date(2023, 1, 1), region_count=1)
    worlds.add_places(vintage, worlds.HEALTH_REGIONS_DEMO)
    second = page(get, first, "next")
    assert {feature["properties"]["vintage"] for feature in second.json()["features"]} == {"2022"}
    assert ids(get(ITEMS.format("health-regions"))) == ["3501"]


def test_load_that_replaces_the_label_ends_the_pages(get, assert_problem):
    first = get(ITEMS.format("health-regions"), limit=2)
    Vintage.objects.filter(label="2022").update(status=Status.RETIRED)
    vintage = worlds.make_vintage("health-regions", "2022", date(2022, 1, 1), region_count=1)
    worlds.add_places(vintage, worlds.HEALTH_REGIONS_DEMO)
    assert_problem(page(get, first, "next"), 404, "vintage-unknown", parameter="load")


def test_page_of_long_geometries_is_shorter_than_its_limit(get, monkeypatch):
    monkeypatch.setattr(views, "PAGE_MAX_BYTES", 1)
    responses = list(pages(get, limit=100))
    assert [len(ids(response)) for response in responses] == [1] * 6


def test_page_beyond_the_end_is_empty(get):
    body = get(ITEMS.format("health-regions"), offset=1_000, limit=2).json()
    assert (body["features"], body["numberMatched"], body["numberReturned"]) == ([], 6, 0)
    assert [link["rel"] for link in body["links"]] == ["self", "collection", "prev"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"code": "3501"}, ["3501"]),
        ({"code": " 3501 "}, ["3501"]),
        ({"code": "3501'--"}, []),
        ({"code": "' OR '1'='1"}, []),
        ({"code": "é" * 200}, []),
        ({"code": "9999"}, []),
        ({"province": "QC"}, ["2401"]),
        ({"province": "24"}, ["2401"]),
        ({"province": "QC", "code": "3501"}, []),
        ({"vintage": "2018"}, ["2401", "3501"]),
    ],
)
def test_filters(get, parameters, expected):
    assert ids(get(ITEMS.format("health-regions"), **parameters)) == expected


def test_feature_of_another_vintage(get):
    body = get(f"{ITEMS.format('health-regions')}/3501", vintage="2018").json()
    assert (body["properties"]["name_en"], body["properties"]["valid_to"]) == ("Whole Health Unit", "2022-01-01")


def test_reused_code_is_named(get, related):
    body = get(f"{ITEMS.format('health-regions')}/3501").json()
    assert body["properties"]["code_reused_in"] is None
    assert set(body["properties"]) == set(get("/ogc/api").json()["components"]["schemas"]["regionProperties"]["properties"])


def test_extract_is_served_by_its_label_only(get):
    assert ids(get(ITEMS.format("fsa"), vintage="extract")) == ["M5V"]
    assert len(ids(get(ITEMS.format("fsa"), datetime="2021-07-01/.."))) == 5


class TestCaching:
    def test_unchanged_page_is_not_modified(self, get):
        response = get(ITEMS.format("health-regions"))
        # Weak: a body that is made again has another time stamp.
        assert response.headers["ETag"].startswith('W/"')
        again = get(ITEMS.format("health-regions"), headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize("path", ["/ogc", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/fsa"])
    def test_unchanged_document_is_not_modified(self, get, path):
        response = get(path)
        assert get(path, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
        assert response.headers["Cache-Control"].startswith("public, max-age=60")

    def test_publication_changes_the_collections(self, get):
        before = get("/ogc/collections").headers["ETag"]
        vintage = worlds.make_vintage("health-regions", "2023", date(2023, 1, 1), region_count=1)
        worlds.add_places(vintage, worlds.HEALTH_REGIONS_DEMO)
        assert get("/ogc/collections").headers["ETag"] != before

    def test_links_have_the_host_of_the_request(self, client):
        bodies = {client.get("/ogc", headers={"host": host}).content for host in ("testserver", "localhost")}
        assert len(bodies) == 2

    @pytest.mark.parametrize(
        ("path", "parameters", "private"),
        [
            (ITEMS.format("health-regions"), {}, False),
            (ITEMS.format("health-regions"), {"bbox": "-80,40,-79,50"}, True),
            (ITEMS.format("fsa"), {"code": "M5V"}, True),
            (f"{ITEMS.format('fsa')}/M5V", {}, True),
            (f"{ITEMS.format('health-regions')}/3501", {}, False),
        ],
    )
    def test_places_of_people_are_neither_stored_nor_shared(self, get, cache_folder, path, parameters, private):
        response = get(path, **parameters)
        assert response.headers["Cache-Control"].startswith("private" if private else "public")
        stored = [file for file in cache_folder.glob("*") if not file.name.startswith(".")] if cache_folder.exists() else []
        assert (stored == []) == private

    def test_arbitrary_pages_do_not_fill_the_cache(self, get, cache_folder):
        for offset in range(1, 5):
            get(ITEMS.format("health-regions"), limit=3, offset=offset)
            get(ITEMS.format("health-regions"), offset=1_000 * offset)
        assert not [file for file in cache_folder.glob("*") if not file.name.startswith((".", "lock"))]

    @pytest.mark.parametrize("path", ["/ogc", ITEMS.format("health-regions"), f"{ITEMS.format('health-regions')}/3501"])
    def test_head_has_the_headers_of_get(self, client, path):
        got, head = client.get(path), client.head(path)
        assert head.content == b""
        for name in ("ETag", "Content-Type", "Cache-Control", "Content-Crs"):
            assert head.headers.get(name) == got.headers.get(name)

    def test_other_origins_may_read_the_crs(self, client):
        response = client.get(ITEMS.format("fsa"), headers={"Origin": "https://example.com"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Crs" in response.headers["Access-Control-Expose-Headers"]


def test_language(get):
    assert get("/ogc/collections/health-regions", lang="fr").json()["title"] == "Régions sociosanitaires"
    assert "limites" in get("/ogc", headers={"Accept-Language": "fr"}).json()["title"]
    assert parse_qs(urlsplit(get(ITEMS.format("fsa"), lang="fr", limit=1).json()["links"][-1]["href"]).query)["lang"] == ["fr"]


def test_before_the_first_publication(get, assert_problem):
    Vintage.objects.update(status=Status.RETIRED)
    assert get("/ogc/collections").json()["collections"] == []
    assert get("/ogc/api").status_code == 200
    assert_problem(get(ITEMS.format("fsa")), 404, "coverage-unknown")


def test_route_of_the_metrics_is_a_template():
    assert route_of(resolve(ITEMS.format("fsa"))) == "/ogc/collections/{collection}/items"


def test_queries_of_a_page(get, django_assert_max_num_queries):
    get(ITEMS.format("health-regions"))
    # The catalogue (tests read it anew for each request), the reused codes, the page.
    with django_assert_max_num_queries(6):
        get(ITEMS.format("health-regions"), bbox="-141,41,-52,84")
