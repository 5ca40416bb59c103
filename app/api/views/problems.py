"""The documentation behind `type` of a problem document: a page for people, JSON for programs."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.http.language import language_of, translate
from api.problem_explanations import EXPLANATIONS
from api.problems import PAGE_POLICY, PROBLEM_TYPES, ProblemType, prefers_html

_KINDS = {kind.slug: kind for kind in PROBLEM_TYPES.values()}


def _explained(kind: ProblemType, language: str) -> dict[str, Any]:
    return {
        "type": kind.type,
        "title": translate(kind.title, language),
        "status": kind.status,
        "explanation": translate(EXPLANATIONS[kind.slug], language),
    }


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Answer with every problem type, in the order of their names."""
    return _answer(request, [_KINDS[slug] for slug in sorted(_KINDS)], "problems")


@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with one problem type. Raises: Http404 for one that does not exist."""
    if slug not in _KINDS:
        raise Http404
    return _answer(request, [_KINDS[slug]], None)


def _answer(request: HttpRequest, kinds: list[ProblemType], member: str | None) -> HttpResponse:
    language = language_of(request)
    explained = [_explained(kind, language) for kind in kinds]
    response: HttpResponse
    if prefers_html(request):
        response = render(request, "api/problems.html", {"language": language, "problems": explained})
        response.headers["Content-Security-Policy"] = PAGE_POLICY
    else:
        response = JsonResponse({member: explained} if member else explained[0])
    response.headers["Vary"] = "Accept, Accept-Language"
    return response
