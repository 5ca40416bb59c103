"""Views of the service itself: vintages, liveness, readiness, schema, docs."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer, OpenApiYamlRenderer2
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import document as openapi
from api.problems import NotReady
from api.requests import models
from api.responses.payloads import vintage_listing
from api.views.base import ApiView
from geography.errors import ParameterInvalid
from geography.queries.readiness import readiness
from geography.vintages.resolve import published_vintages


class VintagesView(ApiView):
    """What is published."""

    @openapi.documented(
        models.PLAIN,
        operation_id="list_vintages",
        tag="Vintages",
        summary="Every published vintage",
        body="VintageList",
        media_types=("application/json",),
        problems=(ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """List every published vintage with its source, by coverage, the latest first. Empty before the first is published."""
        self.parse(request, models.PLAIN)
        return Response(
            {"vintages": [vintage_listing(published_vintage, self.language) for published_vintage in published_vintages()]}
        )


class LiveView(ApiView):
    """Whether the process answers."""

    @openapi.documented(
        models.PLAIN,
        operation_id="livez",
        tag="Service",
        summary="Whether the process is up",
        body="Live",
        media_types=("application/json",),
        problems=(ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """Say that the process is up. Asks the database nothing."""
        self.parse(request, models.PLAIN)
        return Response({"status": "alive"}, headers={"Cache-Control": "no-store"})


class ReadyView(ApiView):
    """Whether questions can be answered."""

    @openapi.documented(
        models.PLAIN,
        operation_id="readyz",
        tag="Service",
        summary="Whether every question can be answered",
        body="Ready",
        media_types=("application/json",),
        problems=(ParameterInvalid, NotReady),
    )
    def get(self, request: Request) -> Response:
        """Say whether the database answers, its tables are current and a vintage of each coverage is in force."""
        self.parse(request, models.PLAIN)
        result = readiness()
        checks = {
            "database": True,
            "postgis": result.postgis,
            "functions": result.runs_code,
            "migrations_missing": result.migrations_missing,
            "vintages": {
                coverage: None if vintage is None else {"label": vintage.label, "demo": vintage.demo}
                for coverage, vintage in result.vintages.items()
            },
        }
        if not result.ready:
            raise NotReady(checks)
        return Response({"status": "ready", "checks": checks}, headers={"Cache-Control": "no-store"})


class SchemaView(ApiView):
    """The OpenAPI document."""

    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
        OpenApiYamlRenderer2,
    ]

    @openapi.documented(
        models.PLAIN,
        operation_id="schema",
        tag="Service",
        summary="This document",
        body="OpenApi",
        media_types=tuple(renderer_class.media_type for renderer_class in renderer_classes),
        problems=(ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """Return the OpenAPI 3.1 document, as JSON or YAML."""
        self.parse(request, models.PLAIN)
        return Response(_schema())


@cache
def _schema() -> dict[str, Any]:
    # Rendering it takes longer than any lookup, and it cannot change under a running process.
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


# The page's own files and this service's answers. The styles that its script writes are attributes.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Answer with the documentation page. It needs nothing from outside this service."""
    response = render(request, "api/docs.html")
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    response.headers["Content-Language"] = "en"
    return response
