"""OpenAPI document: current, valid and complete."""

from io import StringIO

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.urls import get_resolver

from api.openapi import examples, schemas
from api.openapi.schemas.parts import array, record, with_named_parts
from api.problems import PROBLEM_TYPES
from api.requests import bulk, models
from api.requests.now import NOW, NOW_OPTIONS

STORED = settings.REPO_DIR / "docs" / "openapi.yaml"
REGENERATE = "docs/openapi.yaml is out of date. From app/: python manage.py api_docs; then app/clients/generate.py"


@pytest.fixture(scope="module")
def text():
    """Return the document as the command writes it; a warning or an invalid document fails."""
    written = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)
    return written.getvalue()


@pytest.fixture(scope="module")
def document(text):
    return yaml.safe_load(text)


def test_stored_document_is_current(text):
    assert STORED.is_file(), REGENERATE
    assert STORED.read_text(encoding="utf-8") == text, REGENERATE


def test_document_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")


def test_every_route_is_documented_once(document):
    routes = {
        f"/{pattern.pattern}" for include in get_resolver().url_patterns for pattern in getattr(include, "url_patterns", [])
    }
    served = {route.replace("<str:", "{").replace(">", "}") for route in routes if not route.endswith(("/", ".<str:suffix>"))}
    pages = {"/docs", "/problems", "/problems/{slug}", "/robots.txt", "/favicon.ico", "/sitemap.xml"}
    pages |= {f"{path}.{suffix}" for path in ("/health-regions/{id}", "/fsa/{code}") for suffix in ("html", "json")}
    pages |= {f"/health-regions/{{id}}.{suffix}" for suffix in ("png", "svg")}
    pages |= {
        "/pack.js",
        "/embed",
        "/styles/light.json",
        "/styles/dark.json",
    }
    # OGC API - Features has a document of its own, /ogc/api.
    pages |= {route for route in served if route.startswith("/ogc")}
    assert set(document["paths"]) == served - pages


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/health-regions", models.HEALTH_REGIONS),
        ("/health-regions/{id}", models.HEALTH_REGION),
        ("/coverages", models.PLAIN),
        ("/coverages/{coverage}/regions", models.COVERAGE_REGIONS),
        ("/coverages/{coverage}/regions/{code}", models.COVERAGE_REGION),
        ("/fsa", models.FSAS),
        ("/fsa/{code}", models.FSA),
        ("/fsa/{code}/boundary", models.FSA_BOUNDARY),
        ("/locate", models.LOCATE),
        ("/locate post", bulk.LOCATE_MANY),
        ("/fsa post", bulk.FSA_MANY),
        ("/now", NOW),
        ("/now post", NOW_OPTIONS),
        ("/vintages", models.PLAIN),
    ],
)
def test_documented_parameters_equal_parsed_parameters(document, path, spec):
    path, _, method = path.partition(" ")
    parameters = document["paths"][path][method or "get"]["parameters"]
    documented = {(parameter["in"], parameter["name"], parameter.get("required", False)) for parameter in parameters}
    read = {("path", item.name, True) for item in spec.path} | {("query", item.name, item.required) for item in spec.query}
    assert documented == read


def test_operations_have_id_summary_and_description(document):
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation["operationId"] and operation["summary"] and operation["description"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_problem_type_is_documented(document):
    documented = {
        document["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]["type"]
        for path in document["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
        for example in response.get("content", {}).get("application/problem+json", {}).get("examples", {}).values()
    }
    undocumented = {
        "/problems/route-unknown",
        "/problems/method-not-allowed",
        "/problems/request-refused",
    }
    assert documented == {kind.type for kind in PROBLEM_TYPES.values()} - undocumented


@pytest.mark.parametrize("name", examples.BODIES)
def test_examples_are_valid(assert_schema, name):
    assert_schema(name, examples.BODIES[name])


@pytest.mark.parametrize("kind", dict.fromkeys(PROBLEM_TYPES.values()), ids=lambda kind: kind.slug)
def test_problem_examples_are_valid(assert_schema, kind):
    assert_schema("Problem", examples.problem(kind))


@pytest.mark.parametrize(
    "spec", [models.HEALTH_REGIONS, models.FSA, models.LOCATE, models.HEALTH_REGION, models.FSA_BOUNDARY, NOW]
)
def test_parameter_examples_are_parsed(spec):
    for param in (*spec.path, *spec.query):
        param.read(str(param.example))


def test_every_schema_is_referenced(text):
    assert all(f"'#/components/schemas/{name}'" in text for name in schemas.COMPONENTS)


def test_objects_are_named_components(document):
    """Generators of clients invent names, with numbers, for objects that are no component."""
    inline = [
        path
        for name, schema in document["components"]["schemas"].items()
        for path, part in parts(schema, name)
        if part is not schema and part.get("type") == "object" and "properties" in part
    ]
    assert inline == ["LocatedFeature.properties.properties"]  # of any type: with those of the request


def test_arrays_have_items_and_enumerations_no_null(document):
    for path, part in parts(document["components"]["schemas"], ""):
        assert part.get("type") != "array" or "items" in part, path
        assert None not in part.get("enum", []), path


def test_parameters_and_bodies_have_examples(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                assert "example" in parameter or parameter["schema"].get("examples"), (path, parameter["name"])
            for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
                assert body.get("examples"), (path, media_type)


def test_different_parts_with_a_name_are_rejected():
    named = {name: record({name: {"type": "string"}}, name="Same") for name in ("A", "B")}
    with pytest.raises(ValueError, match="Same"):
        with_named_parts({"A": array(named["A"]), "B": array(named["B"])})
    assert with_named_parts({"A": array(named["A"]), "B": array(named["A"])}).keys() == {"A", "B", "Same"}


def parts(schema, path):
    """Yield every object of a schema with its path."""
    if isinstance(schema, dict):
        yield path, schema
    for name, part in schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ():
        yield from parts(part, f"{path}.{name}")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/vnd.oai.openapi", "application/vnd.oai.openapi"),
    ],
)
def test_schema_is_served_as_json_and_yaml(get, document, accept, expected):
    response = get("/schema", headers={"Accept": accept})
    assert response.headers["Content-Type"].partition(";")[0] == expected
    assert yaml.safe_load(response.content) == document
