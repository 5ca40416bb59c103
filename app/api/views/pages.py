"""Views with HTML pages beside their documents: negotiation of the format, and problems as pages."""

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from api.http.negotiation import HTML, prefers_html
from api.http.renderers import JSONRenderer
from api.problem_page import problem_page
from api.views.base import GeoView


class PageRenderer(BaseRenderer):
    """text/html. The views render pages themselves: this class is only the result of the negotiation."""

    media_type = HTML
    format = "html"
    charset = "utf-8"


class ProblemPages(APIView):
    """Part of the views with pages: their problems are pages too where a page was requested, else problem documents."""

    def handle_exception(self, exc: Exception) -> Any:
        """Return the problem as a page where a page was requested, else as a problem document."""
        response: Any = super().handle_exception(exc)
        if not wants_page(self.request):
            return response
        page = problem_page(self.request, response.data, response.headers)
        setattr(page, "exception", True)  # noqa: B010 - REST framework's mark of a handled exception
        return page


class PageView(ProblemPages, GeoView):
    """Base of the routes that have a page beside their GeoJSON.

    The suffix of the URL chooses the format, whatever the Accept header is: `.html` the page, `.json` the document, `.png` and
    `.svg` the picture, whose problems are documents. Without a suffix the page answers GET and HEAD requests that prefer HTML
    to JSON (`api.http.negotiation`), GeoJSON all others.
    """

    suffix: ClassVar[str | None] = None

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Return the renderer of the suffix, of the page, or the one that REST framework negotiates."""
        renderer: BaseRenderer
        if self.suffix is not None:
            renderer = PageRenderer() if self.suffix == "html" else JSONRenderer()
        elif request.method in ("GET", "HEAD") and prefers_html(request):
            renderer = PageRenderer()
        else:
            negotiated: tuple[BaseRenderer, str] = super().perform_content_negotiation(request, force)
            return negotiated
        return renderer, renderer.media_type


def wants_page(request: HttpRequest | Request) -> bool:
    """Return whether the negotiation chose the page."""
    return isinstance(getattr(request, "accepted_renderer", None), PageRenderer)
