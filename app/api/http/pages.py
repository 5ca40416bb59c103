"""Values that all HTML pages of the API share."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from rest_framework.request import Request

from api.http.language import language_of, other_language


def page_context(request: HttpRequest | Request) -> dict[str, Any]:
    """Return language, link to the other language, folder of the static files, scheme and host of the service."""
    return {
        "language": language_of(request),
        "other_language": other_language(request),
        "assets": static(settings.WEB_ASSETS),
        "base_url": request.build_absolute_uri("/").rstrip("/"),
    }
