"""In which language an answer is, and that it is whole in it: every error of the table, in both."""

import re

import pytest
from django.db import connection, transaction
from django.urls import get_resolver

from api.bulk.media_types import BulkFormat
from api.http.concurrency import TooManyAtOnce
from api.management.commands import translations
from api.problems import PROBLEM_TYPES
from api.requests.parser import Parameter
from geography.codes import PROVINCES
from geography.models import Status, Vintage
from geography.translation import Message
from indicators.errors import PlaceUnknown
from loader.export import make, store
from loader.progress import Steps
from operations.request_body import BodyTimeout
from tests.support import demo_regions as worlds

HERE = worlds.position(2_000, 5_000)

# What provokes each kind of problem: paths with their queries. The others, which need more than an address, are below.
ADDRESSES = {
    "tiles-missing": ["/tiles/fsa/3/2/2.mvt"],
    "tile-unknown": ["/tiles/fsa/15/0/0.mvt", "/tiles/fsa/3/8/0.mvt", "/tiles/fsa/3/one/0.mvt"],
    "coordinate-invalid": [
        "/locate?lat=43.6&lon=79.4",
        "/locate?lat=-79.4&lon=43.6",
        "/locate?lat=95&lon=-79",
        "/locate?lat=45&lon=-190",
        "/locate?lat=NaN&lon=-79",
        "/locate?lat=1e999&lon=-79",
        "/locate?lat=north&lon=-79",
        "/health-regions?bbox=1,2,3",
        "/health-regions?bbox=1,2,3,north",
        "/health-regions?bbox=-190,2,3,4",
        "/health-regions?bbox=-80,44,-79,43",
    ],
    "fsa-malformed": ["/fsa/M", "/fsa/MOV", "/fsa/D1A", "/fsa/M1D", "/fsa/11A", "/fsa/M5V3L?", "/fsa/M5V3LA", "/fsa/M5V338"],
    "parameter-invalid": [
        "/locate?lat=45",
        "/locate?lat=45&lon=-75&lon=-75",
        "/locate?lat=45&lon=",
        "/locate?lat=45&lon=-75&accuracy=-1",
        "/locate?latt=45",
        "/vintages?zzz=1",
        "/health-regions?province=ZZ",
        "/health-regions?detail=fine",
        "/health-regions?limit=none",
        "/health-regions?lat=45",
        "/vintages/health-regions/2022/changes/2022",
        "/vintages/health-regions/2018/changes/2022?kind=eaten",
        "/health-regions?at=2022-13-01",
        "/health-regions?at=2022-01-01&vintage=2022",
        "/health-regions?vintage=%00",
        "/health-regions?q=" + "a" * 101,
        "/health-regions?detail=" + "a" * 201,
    ],
    "coverage-unknown": ["/coverages/parishes/regions", "/coverages/1-!/regions"],
    "region-unknown": [
        "/coverages/health-regions/regions/9999",
        "/coverages/health-regions/regions/" + "9" * 30,
        "/health-regions/9999",
        "/health-regions/3599",
        "/health-regions/3599?vintage=2018",
    ],
    "download-unknown": [
        "/downloads/fsa/2021/xyz.csv",
        "/downloads/fsa/2021/-",
        "/downloads/fsa/2021/nonsense/fsa-2021.csv",
    ],
    "fsa-without-boundary": ["/fsa/K1A", "/fsa/X9Z/boundary"],
    "vintage-unknown": ["/health-regions?vintage=1999", "/fsa?vintage=1999", "/vintages/fsa/1999"],
    "vintages-not-compared": [
        "/vintages/health-regions/2018/changes/2022",
        "/vintages/health-regions/demo/changes/2022",
    ],
    "no-vintage": ["/health-regions?at=1900-01-01", "/locate?lat=45&lon=-75&at=1900-01-01"],
    "route-unknown": ["/nowhere"],
}
CASES = [(slug, address) for slug, addresses in ADDRESSES.items() for address in addresses]


def _slow(**_):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20ms'")
        cursor.execute("SELECT pg_sleep(5)")


def _crash(**_):
    raise KeyError("secret")


def _refuse(**_):
    raise TooManyAtOnce


def no_vintages(request, monkeypatch, client):
    Vintage.objects.update(status=Status.STAGED)


def only_extracts(request, monkeypatch, client):
    Vintage.objects.update(extract=True)


def away(request, monkeypatch, client):
    request.getfixturevalue("database_away")


def busy(request, monkeypatch, client):
    monkeypatch.setattr("api.requests.vintage_choice.vintage_in_force", _slow)


def broken(request, monkeypatch, client):
    monkeypatch.setattr("api.views.service.published_vintages", _crash)


def full(request, monkeypatch, client):
    monkeypatch.setattr("api.views.service.published_vintages", _refuse)


def often(request, monkeypatch, client):
    request.getfixturevalue("settings").THROTTLE_RATE = "0/hour"


def nothing(request, monkeypatch, client):
    pass


def one_file(request, monkeypatch, client):
    make.export(
        [published_download for published_download in make.published_downloads() if published_download.name == "fsa-2021.csv"],
        Steps(quiet=True),
    )


def being_made(request, monkeypatch, client):
    lock = store.exclusive()
    lock.__enter__()
    request.addfinalizer(lambda: lock.__exit__(None, None, None))


def late(request, monkeypatch, client):
    def read_bytes(request):
        raise BodyTimeout

    monkeypatch.setattr("api.views.bulk.read_bytes", read_bytes)


def elsewhere(request, monkeypatch, client):
    def published_vintages():
        message = Message("%(indicator)s has no place '%(place)s'.", indicator="X", place="ZZ")
        raise PlaceUnknown(message, parameter="place")

    monkeypatch.setattr("api.views.service.published_vintages", published_vintages)


def small(request, monkeypatch, client):
    request.getfixturevalue("settings").DATA_UPLOAD_MAX_MEMORY_SIZE = 100


def few(request, monkeypatch, client):
    monkeypatch.setattr("api.bulk.parsers.ITEMS_MAX", 3)


def _sent(data, content_type="application/json"):
    return {"path": "/locate", "data": data, "content_type": content_type}


# (problem, what is done first, how it is asked)
ELSEWHERE = [
    ("too-many-at-once", full, {"path": "/vintages"}),
    ("too-many-requests", often, {"path": "/vintages"}),
    ("nothing-published", no_vintages, {"path": "/health-regions"}),
    ("nothing-published", only_extracts, {"path": "/fsa"}),
    ("download-not-made", nothing, {"path": "/downloads/fsa/2021/fsa-2021.csv"}),
    ("download-missing", being_made, {"path": "/downloads/fsa/2021/fsa-2021.csv"}),
    ("encoding-unknown", nothing, _sent("lat,lon\n", "text/csv") | {"headers": {"Content-Encoding": "compress"}}),
    ("body-timeout", late, _sent("lat,lon\n", "text/csv")),
    ("indicator-unknown", nothing, {"path": "/indicators/atlantis"}),
    ("place-unknown", elsewhere, {"path": "/vintages"}),
    ("download-unknown", one_file, {"path": f"/downloads/fsa/2021/{'0' * 16}/fsa-2021.csv"}),
    ("range-unsatisfiable", one_file, {"path": "/downloads/fsa/2021/fsa-2021.csv", "headers": {"Range": "bytes=999999-"}}),
    ("not-ready", no_vintages, {"path": "/readyz"}),
    ("database-away", away, {"path": "/vintages"}),
    ("database-busy", busy, {"path": "/health-regions"}),
    ("internal-error", broken, {"path": "/vintages"}),
    ("not-acceptable", nothing, {"path": "/vintages", "headers": {"Accept": "text/csv"}}),
    ("request-refused", nothing, {"path": "/vintages", "headers": {"Host": "evil.example"}}),
    ("media-type-unknown", nothing, _sent("x", "text/html")),
    ("body-too-large", small, _sent("[" + "1," * 100 + "1]")),
    ("body-too-large", few, _sent("[1,1,1,1]")),
    ("parameter-invalid", nothing, _sent("[" + "1," * 100 + "1]") | {"path": "/locate?accuracy=2000"}),
    ("body-invalid", nothing, _sent("{")),
    ("body-invalid", nothing, _sent("1")),
    ("body-invalid", nothing, _sent(b"lat,lon\n\xe9,1", "text/csv")),
    ("body-invalid", nothing, _sent('lat,lon\n"1,2', "text/csv")),
    ("body-invalid", nothing, _sent("a,b\n", "text/csv")),
]

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture(scope="module")
def only_english():
    """Return the words that English messages have and French ones have not, without what parameters and paths are called."""
    catalog = [message for message in translations.updated() if message.id]
    english, french = (
        {word for message in catalog for word in _words(_texts(getattr(message, side)))} for side in ("id", "string")
    )
    return english - french - _names()


def _texts(texts):
    return " ".join(texts) if isinstance(texts, tuple | list) else texts


def _words(text):
    return re.findall(r"[a-zà-öø-ÿœ]+", re.sub(r"%\(\w+\)s|manage\.py \w+|bin/manage \w+", " ", text).lower())


def _names():
    from api.requests import parameters

    specs = [var for var in vars(parameters).values() if isinstance(var, Parameter)]
    names = {word for spec in specs for name in (spec.name, *spec.aliases) for word in _words(name)}
    names |= {word for item in specs for value in item.schema.get("enum", ()) for word in _words(value)}
    paths = " ".join(
        str(pattern.pattern)
        for url_pattern in get_resolver().url_patterns
        for pattern in getattr(url_pattern, "url_patterns", [])
    )
    # Headers, methods and formats of HTTP, and members of GeoJSON.
    names |= set(_words("Content-Type POST coordinates")) | {word for entry in BulkFormat for word in _words(entry.value)}
    return names | set(_words(paths)) | {province.abbreviation.lower() for province in PROVINCES}


@pytest.fixture
def assert_whole(assert_problem, only_english):
    """Return a function that asks for a problem in both languages and checks that the French one holds no English."""

    def check(slug, ask):
        english, french = (ask(language) for language in ("en", "fr"))
        status = next(kind.status for kind in PROBLEM_TYPES.values() if kind.slug == slug)
        bodies = [assert_problem(response, status, slug) for response in (english, french)]
        assert [response.headers["Content-Language"] for response in (english, french)] == ["en", "fr"]
        assert all("Accept-Language" in response.headers["Vary"] for response in (english, french))
        for name in ("title", "detail", "hint"):
            said, dit = (body.get(name) for body in bodies)
            if said is None or (name == "hint" and said == dit):
                assert dit == said
                continue
            assert said != dit
            assert not set(_words(dit)) & only_english, dit
            assert set(_words(said)) & only_english, said

    return check


@pytest.mark.parametrize(("slug", "address"), CASES)
def test_a_problem_is_whole_in_either_language(client, assert_whole, slug, address):
    joint = "&" if "?" in address else "?"
    assert_whole(slug, lambda language: client.get(f"{address}{joint}lang={language}"))
    assert_whole(slug, lambda language: client.get(address, headers={"Accept-Language": language}))


@pytest.mark.parametrize(("slug", "before", "requested"), ELSEWHERE)
def test_so_is_one_that_is_not_the_askers_fault(request, monkeypatch, client, assert_whole, slug, before, requested):
    before(request, monkeypatch, client)
    requested = dict(requested)
    headers = requested.pop("headers", {})
    ask = client.post if "data" in requested else client.get
    assert_whole(slug, lambda language: ask(**requested, headers={**headers, "Accept-Language": language}))


@pytest.mark.parametrize("path", ["/locate", "/vintages", "/livez"])
def test_so_is_a_refused_method(client, assert_whole, path):
    assert_whole("method-not-allowed", lambda language: client.delete(f"{path}?lang={language}"))


def test_every_problem_of_the_table_is_provoked_here():
    provoked = {slug for slug, _ in CASES} | {slug for slug, *_ in ELSEWHERE} | {"method-not-allowed"}
    assert provoked == {kind.slug for kind in PROBLEM_TYPES.values()}, "add what provokes it to ADDRESSES or ELSEWHERE"


class TestOfAProblem:
    @pytest.mark.parametrize(
        ("query", "accept", "expected"),
        [
            ("lang=fr&lat=x&lon=y", "en", "fr"),
            ("lat=x&lon=y&lang=FR", None, "fr"),
            ("nonsense=1&lang=en", "fr", "en"),
            ("lang=fr&lang=fr", "en", "en"),
            ("lang=fr&lang=en", "fr-CA", "fr"),
            ("lang=fr&lang=en", None, "en"),
            ("lang=de", "fr", "fr"),
            ("lang=", "fr", "fr"),
            ("lang=de", None, "en"),
            ("lat=x", "fr-CA,fr;q=0.9,en;q=0.5", "fr"),
            ("lat=x", "de,en;q=0.2,fr;q=0.1", "en"),
            ("lat=x", "fr;q=0,en;q=0.1", "en"),
            ("lat=x", "fr;q=0", "en"),
            ("lat=x", "*", "en"),
            ("lat=x", "fr;q=nonsense,,;;", "en"),
            ("&".join(f"a{number}=1" for number in range(1_001)) + "&lang=fr", "fr", "fr"),
        ],
    )
    def test_the_language_is_lang_then_accept_language_then_english(self, client, query, accept, expected):
        response = client.get(f"/locate?{query}", headers={"Accept-Language": accept} if accept else None)
        assert response.status_code == 400
        assert response.headers["Content-Language"] == expected
        french = {"Paramètre non valide", "Coordonnées non valides", "Requête incorrecte"}
        assert (response.json()["title"] in french) == (expected == "fr")

    def test_no_cookie_has_a_say(self, client):
        client.cookies["django_language"] = "fr"
        assert client.get("/nowhere").headers["Content-Language"] == "en"

    def test_one_request_leaves_nothing_to_the_next(self, client):
        assert client.get("/nowhere?lang=fr").json()["title"] == "Route introuvable"
        assert client.get("/nowhere").json()["title"] == "Route not found"


def test_a_demonstration_is_called_one_in_either_language(get):
    english, french = (get("/health-regions", lang=language, vintage="demo").json()["notice"] for language in ("en", "fr"))
    assert english.startswith("Demonstration boundaries:")
    assert french.startswith("Limites de démonstration\u00a0:")
