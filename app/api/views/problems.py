"""Documentation of problem types, the target of `type` in problem documents: HTML for browsers, JSON for programs."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.http.language import language_of, translate
from api.http.negotiation import prefers_html
from api.http.pages import page_context
from api.problem_explanations import EXPLANATIONS
from api.problem_page import PAGE_POLICY
from api.problems import PROBLEM_TYPES, ProblemType

_TYPES = {problem_type.slug: problem_type for problem_type in PROBLEM_TYPES.values()}


def _explanation(problem_type: ProblemType, language: str) -> dict[str, Any]:
    return {
        "type": problem_type.type,
        "title": translate(problem_type.title, language),
        "status": problem_type.status,
        "explanation": translate(EXPLANATIONS[problem_type.slug], language),
    }


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Return every problem type, sorted by slug."""
    return _response(request, [_TYPES[slug] for slug in sorted(_TYPES)], "problems")


@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """Return one problem type. Raises: Http404 for an unknown slug."""
    if slug not in _TYPES:
        raise Http404
    return _response(request, [_TYPES[slug]], None)


def _response(request: HttpRequest, problem_types: list[ProblemType], member: str | None) -> HttpResponse:
    language = language_of(request)
    explanations = [_explanation(problem_type, language) for problem_type in problem_types]
    response: HttpResponse
    if prefers_html(request):
        # The explanations have an address of their own; a page of a problem is at the address that has the problem.
        context = page_context(request) | {"problems": explanations, "path": request.path.rstrip("/")}
        response = render(request, "api/problems.html", context)
        response.headers["Content-Security-Policy"] = PAGE_POLICY
    else:
        response = JsonResponse({member: explanations} if member else explanations[0])
    response.headers["Vary"] = "Accept, Accept-Language"
    return response
