"""Content-Language: every problem type, entirely in English or entirely in French."""

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
from indicators.errors import IssueUnknown, PlaceUnknown
from loader.export import make, store
from loader.progress import Steps
from operations.request_body import BodyTimeout

# Requests that provoke each problem type. Problem types that need more than a URL are in SETUP_CASES.
URLS = {
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
CASES = [(slug, url) for slug, urls in URLS.items() for url in urls]


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


def database_unavailable(request, monkeypatch, client):
    request.getfixturevalue("database_away")


def slow_query(request, monkeypatch, client):
    monkeypatch.setattr("api.requests.vintage_choice.vintage_in_force", _slow)


def unexpected_exception(request, monkeypatch, client):
    monkeypatch.setattr("api.views.service.published_vintages", _crash)


def too_many_at_once(request, monkeypatch, client):
    monkeypatch.setattr("api.views.service.published_vintages", _refuse)


def rate_limit(request, monkeypatch, client):
    request.getfixturevalue("settings").THROTTLE_RATE = "0/hour"


def no_setup(request, monkeypatch, client):
    pass


def export_one_file(request, monkeypatch, client):
    make.export(
        [published_download for published_download in make.published_downloads() if published_download.name == "fsa-2021.csv"],
        Steps(quiet=True),
    )


def export_running(request, monkeypatch, client):
    lock = store.exclusive()
    lock.__enter__()
    request.addfinalizer(lambda: lock.__exit__(None, None, None))


def body_timeout(request, monkeypatch, client):
    def read_bytes(request):
        raise BodyTimeout

    monkeypatch.setattr("api.views.bulk.read_bytes", read_bytes)


def unknown_place(request, monkeypatch, client):
    def published_vintages():
        message = Message("%(indicator)s has no place '%(place)s'.", indicator="X", place="ZZ")
        raise PlaceUnknown(message, parameter="place")

    monkeypatch.setattr("api.views.service.published_vintages", published_vintages)


def unknown_issue(request, monkeypatch, client):
    def published_vintages():
        raise IssueUnknown(Message("This is not the id of an issue."), parameter="issue")

    monkeypatch.setattr("api.views.service.published_vintages", published_vintages)


def upload_size_limit(request, monkeypatch, client):
    request.getfixturevalue("settings").DATA_UPLOAD_MAX_MEMORY_SIZE = 100


def item_limit(request, monkeypatch, client):
    monkeypatch.setattr("api.bulk.parsers.ITEMS_MAX", 3)


def _post(data, content_type="application/json"):
    return {"path": "/locate", "data": data, "content_type": content_type}


# (problem type, setup, request)
SETUP_CASES = [
    ("too-many-at-once", too_many_at_once, {"path": "/vintages"}),
    ("too-many-requests", rate_limit, {"path": "/vintages"}),
    ("nothing-published", no_vintages, {"path": "/health-regions"}),
    ("nothing-published", only_extracts, {"path": "/fsa"}),
    ("download-not-made", no_setup, {"path": "/downloads/fsa/2021/fsa-2021.csv"}),
    ("download-missing", export_running, {"path": "/downloads/fsa/2021/fsa-2021.csv"}),
    ("encoding-unknown", no_setup, _post("lat,lon\n", "text/csv") | {"headers": {"Content-Encoding": "compress"}}),
    ("body-timeout", body_timeout, _post("lat,lon\n", "text/csv")),
    ("indicator-unknown", no_setup, {"path": "/indicators/atlantis"}),
    ("place-unknown", unknown_place, {"path": "/vintages"}),
    ("issue-unknown", unknown_issue, {"path": "/vintages"}),
    ("download-unknown", export_one_file, {"path": f"/downloads/fsa/2021/{'0' * 16}/fsa-2021.csv"}),
    (
        "range-unsatisfiable",
        export_one_file,
        {"path": "/downloads/fsa/2021/fsa-2021.csv", "headers": {"Range": "bytes=999999-"}},
    ),
    ("not-ready", no_vintages, {"path": "/readyz"}),
    ("database-away", database_unavailable, {"path": "/vintages"}),
    ("database-busy", slow_query, {"path": "/health-regions"}),
    ("internal-error", unexpected_exception, {"path": "/vintages"}),
    ("not-acceptable", no_setup, {"path": "/vintages", "headers": {"Accept": "text/csv"}}),
    ("request-refused", no_setup, {"path": "/vintages", "headers": {"Host": "evil.example"}}),
    ("media-type-unknown", no_setup, _post("x", "text/html")),
    ("body-too-large", upload_size_limit, _post("[" + "1," * 100 + "1]")),
    ("body-too-large", item_limit, _post("[1,1,1,1]")),
    ("parameter-invalid", no_setup, _post("[" + "1," * 100 + "1]") | {"path": "/locate?accuracy=2000"}),
    ("body-invalid", no_setup, _post("{")),
    ("body-invalid", no_setup, _post("1")),
    ("body-invalid", no_setup, _post(b"lat,lon\n\xe9,1", "text/csv")),
    ("body-invalid", no_setup, _post('lat,lon\n"1,2', "text/csv")),
    ("body-invalid", no_setup, _post("a,b\n", "text/csv")),
]

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture(scope="module")
def only_english():
    """Return the words of English messages that no French message has, without names of parameters and paths."""
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
    # HTTP headers, methods and media types, and GeoJSON members.
    names |= set(_words("Content-Type POST coordinates features points")) | {
        word for entry in BulkFormat for word in _words(entry.value)
    }
    return names | set(_words(paths)) | {province.abbreviation.lower() for province in PROVINCES}


@pytest.fixture
def assert_one_language(assert_problem, only_english):
    """Return a function that requests a problem in both languages and asserts that the French one has no English words."""

    def check(slug, send):
        english, french = (send(language) for language in ("en", "fr"))
        status = next(kind.status for kind in PROBLEM_TYPES.values() if kind.slug == slug)
        bodies = [assert_problem(response, status, slug) for response in (english, french)]
        assert [response.headers["Content-Language"] for response in (english, french)] == ["en", "fr"]
        assert all("Accept-Language" in response.headers["Vary"] for response in (english, french))
        for name in ("title", "detail", "hint"):
            english_text, french_text = (body.get(name) for body in bodies)
            if english_text is None or (name == "hint" and english_text == french_text):
                assert french_text == english_text
                continue
            assert english_text != french_text
            assert not set(_words(french_text)) & only_english, french_text
            assert set(_words(english_text)) & only_english, english_text

    return check


@pytest.mark.parametrize(("slug", "url"), CASES)
def test_problem_is_entirely_in_one_language(client, assert_one_language, slug, url):
    separator = "&" if "?" in url else "?"
    assert_one_language(slug, lambda language: client.get(f"{url}{separator}lang={language}"))
    assert_one_language(slug, lambda language: client.get(url, headers={"Accept-Language": language}))


@pytest.mark.parametrize(("slug", "setup", "requested"), SETUP_CASES)
def test_problem_after_setup_is_entirely_in_one_language(
    request, monkeypatch, client, assert_one_language, slug, setup, requested
):
    setup(request, monkeypatch, client)
    requested = dict(requested)
    headers = requested.pop("headers", {})
    send = client.post if "data" in requested else client.get
    assert_one_language(slug, lambda language: send(**requested, headers={**headers, "Accept-Language": language}))


@pytest.mark.parametrize("path", ["/locate", "/vintages", "/livez"])
def test_method_not_allowed_is_entirely_in_one_language(client, assert_one_language, path):
    assert_one_language("method-not-allowed", lambda language: client.delete(f"{path}?lang={language}"))


def test_every_problem_type_is_provoked():
    provoked = {slug for slug, _ in CASES} | {slug for slug, *_ in SETUP_CASES} | {"method-not-allowed"}
    assert provoked == {kind.slug for kind in PROBLEM_TYPES.values()}, "add a request to URLS or SETUP_CASES"
