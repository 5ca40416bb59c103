"""Problem documents of unknown routes, database errors, middleware errors and exceptions."""

import pytest
from django.db import InterfaceError, OperationalError, connection

from api.problems import PROBLEM_TYPES, problem_type_of
from geography import errors as geography
from geography.translation import Message


def database_unavailable_middleware(get_response):
    def middleware(request):
        raise InterfaceError("connection already closed")

    return middleware


def exception_middleware(get_response):
    def middleware(request):
        raise RuntimeError("secret 43.6426 -79.3871")

    return middleware


class TestProblemTypes:
    def test_every_domain_error_has_a_problem_type(self):
        def leaves(of):
            below = of.__subclasses__()
            return [leaf for item in below for leaf in leaves(item)] if below else [of]

        assert set(leaves(geography.GeographyError)) <= set(PROBLEM_TYPES)

    def test_subclass_has_problem_type_of_nearest_ancestor(self):
        class Closer(geography.FsaMalformed):
            pass

        assert problem_type_of(Closer(Message("no"))).slug == "fsa-malformed"
        assert problem_type_of(OperationalError()).slug == "database-away"
        assert problem_type_of(KeyError()).slug == "internal-error"

    def test_problem_type_is_defined_once(self):
        kinds = set(PROBLEM_TYPES.values())
        assert len({kind.type for kind in kinds}) == len(kinds)


class TestUnknownRoutes:
    @pytest.mark.parametrize(
        "path", ["/nowhere", "/health-region", "/fsa/M5V/boundaries", "/health-regions/1/2", "/fsa//boundary", "/%00", "/🍁"]
    )
    @pytest.mark.parametrize("debug", [False, True])
    def test_unknown_path_gets_404(self, get, assert_problem, settings, path, debug):
        settings.DEBUG = debug
        assert_problem(get(path), 404, "route-unknown")

    def test_foreign_host_gets_400(self, client, assert_problem):
        assert_problem(client.get("/livez", headers={"Host": "evil.example"}), 400, "request-refused")


class TestDatabaseErrors:
    @pytest.mark.usefixtures("database_away")
    @pytest.mark.parametrize(
        "path",
        ["/health-regions", "/health-regions/3501", "/fsa", "/fsa/M5V", "/locate?lat=45&lon=-75", "/vintages", "/readyz"],
    )
    def test_database_unavailable_gets_503(self, client, assert_problem, path):
        response = client.get(path)
        body = assert_problem(response, 503, "database-away")
        assert response.headers["Retry-After"] == "5"
        assert "43.6426" not in str(body)

    @pytest.mark.django_db
    def test_statement_timeout_is_database_busy(self, client, assert_problem, monkeypatch):
        def slow(**_):
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '50ms'")
                cursor.execute("SELECT pg_sleep(5)")

        monkeypatch.setattr("api.requests.vintage_choice.vintage_in_force", slow)
        response = client.get("/health-regions")
        assert_problem(response, 503, "database-busy")
        assert response.headers["Retry-After"] == "5"

    @pytest.mark.usefixtures("database_away")
    @pytest.mark.parametrize("path", ["/livez", "/schema", "/docs"])
    def test_routes_without_database_get_200(self, client, path):
        assert client.get(path).status_code == 200

    def test_database_error_in_middleware_gets_503(self, client, assert_problem, settings):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.api.test_errors.database_unavailable_middleware"]
        response = client.get("/livez")
        assert_problem(response, 503, "database-away")
        assert response.headers["Retry-After"] == "5"


class TestInternalErrors:
    def test_exception_in_middleware_gets_500_without_internals(self, client, assert_problem, settings):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.api.test_errors.exception_middleware"]
        response = client.get("/livez")
        assert_problem(response, 500, "internal-error", detail="An unexpected error occurred; it has been logged.")
        assert b"secret" not in response.content
        assert b"RuntimeError" not in response.content

    def test_exception_in_view_gets_500(self, client, assert_problem, monkeypatch):
        def fail(**kwargs):
            raise KeyError("M5V 3L9")

        monkeypatch.setattr("api.views.service.published_vintages", fail)
        assert_problem(client.get("/vintages"), 500, "internal-error")
