"""Problem documents as pages, for browsers."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import override

from api.http.language import translate
from api.http.pages import page_context
from api.problem_explanations import EXPLANATIONS

# Content-Security-Policy of pages that load the project's own styles and images only.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def problem_page(request: HttpRequest, body: Mapping[str, Any], headers: Mapping[str, str]) -> HttpResponse:
    """Return a problem as a page: the text of the problem document, with links to existing pages.

    Args:
        body: the problem document.
        headers: headers of the response with the problem document.
    """
    context = page_context(request)
    slug = str(body["type"]).rpartition("/")[2]
    problem = {**body, "explanation": translate(EXPLANATIONS[slug], context["language"]) if slug in EXPLANATIONS else ""}
    with override(context["language"]):
        page = render_to_string("api/problems.html", context | {"problems": [problem]})
    response = HttpResponse(page, status=int(body["status"]))
    for name in ("Content-Language", "Vary", "Cache-Control", "Retry-After"):
        if name in headers:
            response.headers[name] = headers[name]
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
