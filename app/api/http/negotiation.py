"""Content negotiation between an HTML page and a JSON document, by the Accept header."""

from django.http import HttpRequest
from rest_framework.request import Request

HTML = "text/html"
_DATA = ("application/problem+json", "application/json", "application/geo+json")
# Java's HttpURLConnection begins its Accept header like this for every program that sets none.
_JAVA = "text/html, image/gif, image/jpeg, *"


def prefers_html(request: HttpRequest | Request) -> bool:
    """Return whether the Accept header has a higher quality for HTML than for every kind of JSON, as browsers send it.

    No header, `*/*` and equal qualities mean JSON: a client without a preference never gets a page.
    """
    if request.headers.get("Accept", "").startswith(_JAVA):
        return False
    qualities = {media_type: _quality(request, media_type) for media_type in (HTML, *_DATA)}
    html = qualities.pop(HTML)
    return html > max(qualities.values())


def _quality(request: HttpRequest | Request, media_type: str) -> float:
    """Return the quality of a media type, 0 where the header does not accept it (RFC 9110, section 12.5.1)."""
    accepted = request.accepted_type(media_type)
    return 0.0 if accepted is None else float(accepted.quality)
