"""The OpenAPI document, rendered from the request parsers and the table of problem types."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema

from api.http.concurrency import TooManyAtOnce
from api.http.renderers import PROBLEM_MEDIA_TYPE
from api.openapi import examples, schemas
from api.problems import PROBLEM_TYPES, ProblemType
from api.requests.parser import Parameter, RequestParser
from geography import errors

GEOJSON_MEDIA_TYPES = ("application/geo+json", "application/json")
VINTAGE_PROBLEMS: tuple[type[Exception], ...] = (errors.VintageUnknown, errors.NoVintage, errors.NothingPublished)
# Problems of routes with large responses, which count towards the concurrency limit.
SHAPE_PROBLEMS = (*VINTAGE_PROBLEMS, TooManyAtOnce)
# Problems of every route.
_ALWAYS: tuple[str, ...] = ("not-acceptable", "too-many-requests", "database-away", "database-busy", "internal-error")

_TAGS = {
    "Positions": "Health region, FSA and province at a position, for one position or in bulk.",
    "FSA": "Forward sortation areas: the first three characters of a postal code.",
    "Health regions": "Boundaries and attributes of health regions.",
    "Search": "Health regions, places and FSAs by name or code.",
    "Coverages": "All loaded coverages, such as provinces, with the same property names.",
    "Indicators": "Health indicators by region, province and country over time. A missing value is null, never zero.",
    "Tiles": "Vector tiles of regions, for maps.",
    "Downloads": "Published vintages and indicators as files: GeoPackage, FlatGeobuf, GeoParquet, GeoJSON, shapefile, CSV, "
    "PMTiles, offline pack, Parquet, Arrow.",
    "Vintages": "Published vintages of the boundaries, and the changes between them.",
    "Service": "Health checks, and this document.",
}
_DESCRIPTION = """\
Health regions and forward sortation areas (FSAs) of Canada: lookup by postal code or position, boundaries, vector tiles,
downloads, and health indicators.

**Every response names the vintage of the boundaries that it used**: `vintage` for health regions, `fsa_vintage` for FSAs.
Codes are only unique within a vintage. Choose another vintage by its label, or by a date with `at`. `demo: true` marks
demonstration boundaries.

Errors are problem documents (RFC 9457) with a stable `type`. Positions are WGS 84 decimal degrees and are never logged. All
paths also work with a trailing slash, and all GET routes support HEAD.

GIS clients use OGC API - Features at `/ogc`, which has an OpenAPI 3.0 document of its own: `/ogc/api`.
"""


class RequestBody(NamedTuple):
    """Request body: schema and example."""

    schema: schemas.Schema
    example: Any


View = TypeVar("View", bound=Callable[..., Any])


def documented(
    spec: RequestParser[Any],
    *,
    operation_id: str,
    tag: str,
    summary: str,
    body: str,
    problems: tuple[type[Exception], ...],
    media_types: tuple[str, ...] = GEOJSON_MEDIA_TYPES,
    empty: str | None = None,
    request: Mapping[str, RequestBody] | None = None,
    further_schemas: Mapping[str, schemas.Schema] | None = None,
) -> Callable[[View], View]:
    """Return a decorator that documents a method of a view.

    Args:
        spec: the request parser of the method.
        body: name of the response schema (api.openapi.schemas) and of its example (api.openapi.examples).
        problems: exceptions of `api.problems.PROBLEM_TYPES` that the route raises.
        media_types: media types of the response with this schema.
        empty: description of a 204 response; None without one.
        request: request bodies by media type.
        further_schemas: response schemas of further media types.
    """
    problem_types = [PROBLEM_TYPES[problem] for problem in problems]
    problem_types += [problem_type for problem_type in dict.fromkeys(PROBLEM_TYPES.values()) if problem_type.slug in _ALWAYS]
    responses: dict[Any, Any] = {
        (200, *media_types): OpenApiResponse(
            schemas.ref(body),
            description=schemas.COMPONENTS[body].get("description", summary),
            examples=[
                OpenApiExample(f"{operation_id} {media_type}", value=example, media_type=media_type)
                for media_type in media_types[:1]
                if (example := examples.answer(operation_id, body)) is not None
            ],
        )
    }
    if empty is not None:
        responses[204] = OpenApiResponse(description=empty)
    for media_type, schema in (further_schemas or {}).items():
        responses[(200, media_type)] = OpenApiResponse(schema)
    for status in sorted({problem_type.status for problem_type in problem_types}):
        responses[(status, PROBLEM_MEDIA_TYPE)] = _problems(
            [problem_type for problem_type in problem_types if problem_type.status == status]
        )
    decorator: Callable[[View], View] = extend_schema(
        operation_id=operation_id,
        tags=[tag],
        summary=summary,
        parameters=[_parameter(parameter, "path") for parameter in spec.path]
        + [_parameter(parameter, "query") for parameter in spec.query],
        request=None
        if request is None
        else {
            media_type: OpenApiRequest(
                sent.schema,
                examples=[
                    OpenApiExample(f"{operation_id} {media_type}", value=sent.example, media_type=media_type, request_only=True)
                ],
            )
            for media_type, sent in request.items()
        },
        responses=responses,
        auth=[],
    )
    return decorator


def _parameter(parameter: Parameter, location: Literal["path", "query"]) -> OpenApiParameter:
    # Swagger UI sends the example of a parameter with a request. An optional parameter has it in its schema instead.
    return OpenApiParameter(
        name=parameter.name,
        type=dict(parameter.schema) if parameter.required else {"examples": [parameter.example]} | parameter.schema,
        location=location,
        required=parameter.required,
        description=parameter.description,
        examples=[OpenApiExample(parameter.name, value=parameter.example, parameter_only=(parameter.name, location))]
        if parameter.required
        else [],
    )


def _problems(problem_types: list[ProblemType]) -> OpenApiResponse:
    return OpenApiResponse(
        schemas.ref("Problem"),
        description="; ".join(f"`{problem_type.type}`: {problem_type.title}" for problem_type in problem_types),
        examples=[
            OpenApiExample(problem_type.slug, value=examples.problem(problem_type), media_type=PROBLEM_MEDIA_TYPE)
            for problem_type in problem_types
        ],
    )


def exclude_trailing_slashes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Remove the paths with a trailing slash, which are duplicates (drf-spectacular preprocessing hook)."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def add_shared_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add shared schemas, shared problem examples and the introduction (drf-spectacular postprocessing hook)."""
    result.setdefault("components", {})["schemas"] = dict(sorted(schemas.COMPONENTS.items()))
    result["components"]["examples"] = _share_problem_examples(result["paths"])
    for operation in (operation for path in result["paths"].values() for operation in path.values()):
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        for parameter in operation.get("parameters", []):
            # Swagger UI and Postman read `example`; drf-spectacular only writes `examples`.
            for example in parameter.pop("examples", {}).values():
                parameter["example"] = example["value"]
    result["security"] = []
    result["servers"] = [{"url": "/", "description": "This server."}]
    result["info"]["description"] = _DESCRIPTION
    result["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
    result["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    return result


def _share_problem_examples(paths: dict[str, Any]) -> dict[str, Any]:
    """Replace problem examples by references, and return the shared examples by slug."""
    shared: dict[str, Any] = {}
    for operation in (operation for path in paths.values() for operation in path.values()):
        for response in operation["responses"].values():
            problem_examples = response.get("content", {}).get(PROBLEM_MEDIA_TYPE, {}).get("examples", {})
            for name, example in list(problem_examples.items()):
                slug = example["value"]["type"].rpartition("/")[2]
                shared[slug] = {"summary": example["value"]["title"], "value": example["value"]}
                del problem_examples[name]
                problem_examples[slug] = {"$ref": f"#/components/examples/{slug}"}
    return dict(sorted(shared.items()))
