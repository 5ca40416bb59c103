"""/search: ranking, regions of localities, former names, FSAs and postal codes, privacy."""

import gzip
import logging

import pytest
from django.conf import settings

from geography.localities import read_localities, read_other_names
from geography.models import Region, Status, Vintage
from geography.normalize import normalize
from geography.queries import search as queries
from tests.support.demo_regions import lonlat
from tests.support.lookup_index import build_index

pytestmark = pytest.mark.usefixtures("localities")

# Name, PRUID, and positions in metres from the origin of the demo regions, each with its number of postal codes.
LOCALITIES = [
    ("Carleton Place", "35", [(5_000, 5_000, 90), (4_000, 5_000, 10)]),
    ("Saint-Jean", "24", [(25_000, 5_000, 3)]),
    ("Two Rivers", "35", [(5_000, 5_000, 60), (12_000, 2_000, 40)]),
    ("Nearly One", "35", [(5_000, 5_000, 990), (12_000, 2_000, 10)]),
    ("Border Town", "35", [(9_900, 5_000, 5)]),
    ("At Sea", "35", [(-90_000, 5_000, 5)]),
    ("Westport", "35", [(5_000, 5_000, 2)]),
    ("Westport", "35", [(25_000, 15_000, 500)]),
]


@pytest.fixture
def localities(tmp_path, monkeypatch):
    """Replace the embedded localities by localities in the demo regions."""
    rows = ["name,pruid,positions"]
    for name, pruid, cells in LOCALITIES:
        positions = ("{:.5f} {:.5f} {}".format(*lonlat(x, y), count) for x, y, count in cells)
        rows.append(f"{name},{pruid},{';'.join(positions)}")
    path = tmp_path / "localities.csv.gz"
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    monkeypatch.setattr(queries, "LOCALITIES_FILE", path)
    other_names = tmp_path / "other_names.toml"
    other_names.write_text('[former]\n"Morphy\\u0027s Falls" = ["Carleton Place", "ON"]\n', encoding="utf-8")
    monkeypatch.setattr(queries, "OTHER_NAMES_FILE", other_names)
    monkeypatch.setattr(queries._Cache, "localities", None)
    monkeypatch.setattr(queries._Cache, "names", None)


def regions_of(result):
    return [(region["hruid"], region["share"]) for region in result["health_regions"]]


@pytest.mark.parametrize(
    ("text", "regions", "certain"),
    [
        ("Carleton Place", [("3501", 1.0)], True),
        ("carlton plc", [], None),
        ("St Jean", [("2401", 1.0)], True),
        ("two rivers", [("3501", 0.6), ("3502", 0.4)], False),
        ("nearly one", [("3501", 0.99)], False),
        ("border town", [("3501", 1.0)], False),
        ("at sea", [], False),
    ],
)
def test_place_has_the_regions_of_its_postal_codes(get, world, assert_schema, text, regions, certain):
    body = get("/search", q=text).json()
    assert_schema("SearchResults", body)
    localities = [result for result in body["results"] if result["type"] == "locality"]
    assert [(regions_of(locality), locality["certain"]) for locality in localities] == (
        [] if certain is None else [(regions, certain)]
    )


def test_result_is_the_same_with_the_lookup_index_and_in_postgis(get, world):
    texts = [name for name, *_ in LOCALITIES]
    from_tables = [get("/search", q=text).json() for text in texts]
    build_index(world.vintages["health-regions", "2022"])
    queries._Cache.names = None
    assert [get("/search", q=text).json() for text in texts] == from_tables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("west health unit", [("health-region", "3501", "2022", False)]),
        ("sanitaire ouest", [("health-region", "3501", "2022", False)]),
        ("3502", [("health-region", "3502", "2022", False)]),
        ("whole health", [("health-region", "3501", "2018", True)]),
        ("circonscription entiere", [("health-region", "3501", "2018", True)]),
        # Of the vintage in force first; the made-up vintage is not searched.
        ("saguenay", [("health-region", "2401", "2022", False), ("health-region", "2401", "2018", True)]),
        ("made up", []),
    ],
)
def test_health_regions_are_found_by_both_names_code_and_former_name(get, world, text, expected):
    results = get("/search", q=text).json()["results"]
    assert [(result["type"], result["code"], result["vintage"], result["former"]) for result in results] == expected


def test_ranking_is_exact_name_then_regions_then_localities_by_size(get, world):
    results = get("/search", q="west").json()["results"]
    assert [(result["type"], regions_of(result)) for result in results] == [
        ("health-region", [("3501", 1.0)]),
        ("locality", [("3504", 1.0)]),
        ("locality", [("3501", 1.0)]),
    ]
    assert [result["name"] for result in get("/search", q="saint jean").json()["results"]] == [
        "Saint-Jean",
        "Région du Saguenay—Lac-Saint-Jean",
    ]
    assert get("/search", q="west", limit=1).json()["results"] == results[:1]


@pytest.mark.parametrize(
    "text",
    [
        "Carleton Place, ON",
        "carleton place ontario",
        "Town of Carleton Place",
        "Town of Carleton Place, Ontario",
        "Ville de Carleton Place (Ontario)",
        "Carleton Place, ON, Canada",
        "City of Carleton Place",
        "morphys falls",
        "Morphy's Falls, ON",
    ],
)
def test_locality_is_found_with_its_province_a_generic_term_and_by_a_former_name(get, world, text):
    body = get("/search", q=text).json()
    assert (body["similar"], [result["name"] for result in body["results"]]) == (False, ["Carleton Place"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Westport, Quebec", []),
        ("Carlton Place, Ontario", ["Carleton Place"]),
        ("Ontario", []),
        ("QC", []),
        ("Town of", []),
        ("city of ontario", []),
    ],
)
def test_province_excludes_localities_of_others_and_is_no_name_itself(get, world, text, names):
    assert [result["name"] for result in get("/search", q=text).json()["results"]] == names


def test_embedded_other_names_belong_to_a_locality_and_are_not_localities():
    folder = settings.REPO_DIR / "geodata" / "localities"
    localities = {(locality.name, locality.pruid) for locality in read_localities(folder / "localities.csv.gz")}
    taken = {(normalize(name), pruid) for name, pruid in localities}
    other_names = read_other_names(folder / "other_names.toml")
    assert len(other_names) > 40
    assert other_names.keys() <= localities
    assert {(normalize(other), pruid) for (_, pruid), names in other_names.items() for other in names}.isdisjoint(taken)


def test_spelling_error_is_forgiven_and_reported(get, world):
    body = get("/search", q="Carlton Palce").json()
    assert (body["similar"], [result["name"] for result in body["results"]]) == (True, ["Carleton Place"])
    assert get("/search", q="Carleton Place").json()["similar"] is False


@pytest.mark.parametrize(
    ("text", "used", "regions", "href"),
    [
        ("M1A", "M1A", [("3502", 0.6), ("3501", 0.4)], "/fsa/M1A.html"),
        ("m1a 2b3", "M1A", [("3502", 0.6), ("3501", 0.4)], "/fsa/M1A.html"),
        ("M5V-3L9", "M5V", [("3501", 1.0)], "/fsa/M5V.html"),
        ("K1A 0B1", "K1A", [], None),
    ],
)
def test_fsa_and_postal_code_lead_to_the_fsa(get, world, assert_schema, text, used, regions, href):
    body = get("/search", q=text).json()
    assert_schema("SearchResults", body)
    (result,) = body["results"]
    assert (body["used"], result["code"], regions_of(result), result["href"]) == (used, used, regions, href)


def test_pages_of_results_exist(get, world):
    for text in ("west", "whole", "m1a", "saint jean", "two rivers"):
        for result in get("/search", q=text).json()["results"]:
            assert get(result["href"]).headers["Content-Type"] == "text/html; charset=utf-8"


def test_names_are_in_the_language_of_the_response(get, world):
    for lang, name in (("en", "West Health Unit"), ("fr", "Circonscription sanitaire de l'Ouest")):
        (result,) = get("/search", q="3501", lang=lang).json()["results"]
        assert (result["name"], result["health_regions"][0]["name"]) == (name, name)


def test_publication_changes_the_results(get, world):
    assert get("/search", q="whole health").json()["number_returned"] == 1
    Vintage.objects.filter(coverage__slug="health-regions", label="2018").update(status=Status.RETIRED)
    assert get("/search", q="whole health").json()["number_returned"] == 0


def test_second_search_sends_no_query_but_for_new_localities(get, world, django_assert_num_queries, monkeypatch):
    from geography.vintages import catalogue

    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    first = get("/search", q="two rivers").json()
    with django_assert_num_queries(0):
        assert get("/search", q="two rivers").json() == first


@pytest.mark.parametrize("text", ["Carleton Place", "M5V 3L9", "m5v", "nothing of the kind"])
def test_text_is_neither_logged_nor_stored(get, world, text, caplog, cache_folder, settings):
    settings.LOG_REQUESTS = True
    with caplog.at_level(logging.DEBUG):
        response = get("/search", q=text)
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in response.headers
    assert not [file for file in cache_folder.rglob("*") if file.is_file()]
    logged = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("django.db")).lower()
    assert text.split()[0].lower() not in logged


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": ""},
        {"q": "!!"},
        {"q": "x" * 201},
        {"q": "x", "limit": "0"},
        {"q": "x", "limit": "51"},
        {"q": "x", "vintage": "2022"},
        {"q": "\x00a"},
    ],
)
def test_invalid_search_is_a_problem(get, world, assert_problem, query):
    assert_problem(get("/search", **query), 400, "parameter-invalid")


@pytest.mark.parametrize(
    "text", ["'; drop table region; --", "%", "<script>alert(1)</script>", "١٢٣ ottawa", "a" * 80, "é" * 80, "\u202eottawa"]
)
def test_hostile_text_finds_nothing_and_breaks_nothing(get, world, text):
    assert get("/search", q=text).status_code in (200, 400)
    assert Region.objects.exists()


def test_search_without_boundaries_is_a_problem(get, db, assert_problem):
    assert_problem(get("/search", q="ottawa"), 503, "nothing-published")


def test_attribution_names_the_source_of_localities(get, world):
    for lang in ("en", "fr"):
        assert "GeoNames" in get("/search", q="west", lang=lang).json()["attribution"]
