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
# Of routes whose answer can be so long that only so many are sent at once.
SHAPE_PROBLEMS = (*VINTAGE_PROBLEMS, TooManyAtOnce)
# What any route can answer beside its own problems.
_ALWAYS: tuple[str, ...] = ("not-acceptable", "too-many-requests", "database-away", "database-busy", "internal-error")

_TAGS = {
    "Positions": "Which health region is this position in?",
    "FSAs": "Forward sortation areas: the first three characters of a postal code.",
    "Health regions": "The health regions themselves.",
    "Coverages": "Every kind of region that is loaded, provinces or others beside these two, under the same names.",
    "Indicators": "Health figures by region, province and country, over time: a missing value is never zero.",
    "Tiles": "Regions as vector tiles, for maps.",
    "Downloads": "Every published edition as files: GeoPackage, FlatGeobuf, GeoParquet, GeoJSON, shapefile, CSV.",
    "Vintages": "Boundaries change; every answer names the edition it used.",
    "Service": "Whether the service is up, and this document.",
}
_DESCRIPTION = """\
Which Canadian health region is this postal code, or this point?

**Every answer names the edition of the boundaries that it used**, since codes are reused for other areas: `vintage` for
health regions, `fsa_vintage` for FSAs. Ask for another by its label or by a day (`at`). `demo: true` marks boundaries that
are made up.

Errors are problem documents (RFC 9457); `type` is stable. Positions are WGS 84 decimal degrees, and are never logged. Every
path is served with a trailing slash too, and answers to HEAD.
"""


class RequestBody(NamedTuple):
    """A body that a client sends: its schema and an example."""

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
    others: Mapping[str, schemas.Schema] | None = None,
) -> Callable[[View], View]:
    """Return a decorator that documents a view's method.

    Args:
        spec: the parameters, the same that the method parses with.
        body: name of the schema of the answer (api.openapi.schemas), and of its example (api.openapi.examples).
        problems: exceptions of `api.problems.PROBLEM_TYPES` that this route raises.
        empty: what an answer 204 means, None where there is none.
        request: what may be sent as a body, by media type.
        others: schemas of the answer in further media types.
    """
    kinds = [PROBLEM_TYPES[problem] for problem in problems]
    kinds += [kind for kind in dict.fromkeys(PROBLEM_TYPES.values()) if kind.slug in _ALWAYS]
    responses: dict[Any, Any] = {
        (200, *media_types): OpenApiResponse(
            schemas.ref(body),
            description=schemas.COMPONENTS[body].get("description", summary),
            examples=[
                OpenApiExample(f"{operation_id} {media_type}", value=shown, media_type=media_type)
                for media_type in media_types[:1]
                if (shown := examples.answer(operation_id, body)) is not None
            ],
        )
    }
    if empty is not None:
        responses[204] = OpenApiResponse(description=empty)
    for media_type, schema in (others or {}).items():
        responses[(200, media_type)] = OpenApiResponse(schema)
    for status in sorted({kind.status for kind in kinds}):
        responses[(status, PROBLEM_MEDIA_TYPE)] = _problems([kind for kind in kinds if kind.status == status])
    decorator: Callable[[View], View] = extend_schema(
        operation_id=operation_id,
        tags=[tag],
        summary=summary,
        parameters=[_parameter(item, "path") for item in spec.path] + [_parameter(item, "query") for item in spec.query],
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


def _parameter(param: Parameter, location: Literal["path", "query"]) -> OpenApiParameter:
    # The documentation page fills in and sends what stands as an example of a parameter. For optional ones it must not,
    # so theirs is an example of the schema.
    return OpenApiParameter(
        name=param.name,
        type=dict(param.schema) if param.required else {"examples": [param.example]} | param.schema,
        location=location,
        required=param.required,
        description=param.description,
        examples=[OpenApiExample(param.name, value=param.example, parameter_only=(param.name, location))]
        if param.required
        else [],
    )


def _problems(kinds: list[ProblemType]) -> OpenApiResponse:
    return OpenApiResponse(
        schemas.ref("Problem"),
        description="; ".join(f"`{kind.type}`: {kind.title}" for kind in kinds),
        examples=[OpenApiExample(kind.slug, value=examples.problem(kind), media_type=PROBLEM_MEDIA_TYPE) for kind in kinds],
    )


def exclude_trailing_slashes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Keep one of the two spellings of each path (a preprocessing hook of drf-spectacular)."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def add_shared_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the schemas and the problems that the routes refer to, and what introduces the document (a postprocessing hook)."""
    result.setdefault("components", {})["schemas"] = dict(sorted(schemas.COMPONENTS.items()))
    result["components"]["examples"] = _problems_once(result["paths"])
    for operation in (operation for path in result["paths"].values() for operation in path.values()):
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        for parameter in operation.get("parameters", []):
            # Swagger UI and Postman read `example` of a parameter; drf-spectacular writes `examples` only.
            for example in parameter.pop("examples", {}).values():
                parameter["example"] = example["value"]
    result["security"] = []
    result["servers"] = [{"url": "/", "description": "Where this document is served."}]
    result["info"]["description"] = _DESCRIPTION
    result["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
    result["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    return result


def _problems_once(paths: dict[str, Any]) -> dict[str, Any]:
    """Put a reference in the place of every example of a problem, and return them by slug, each once."""
    once: dict[str, Any] = {}
    for operation in (operation for path in paths.values() for operation in path.values()):
        for response in operation["responses"].values():
            shown = response.get("content", {}).get(PROBLEM_MEDIA_TYPE, {}).get("examples", {})
            for name, example in list(shown.items()):
                slug = example["value"]["type"].rpartition("/")[2]
                once[slug] = {"summary": example["value"]["title"], "value": example["value"]}
                del shown[name]
                shown[slug] = {"$ref": f"#/components/examples/{slug}"}
    return dict(sorted(once.items()))
