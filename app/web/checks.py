"""System check of the sites whose pages may frame the map (web.E001)."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

# Sources of `frame-ancestors`: origins with a scheme, one of them with a * for the first label.
_SOURCES = re.compile(r"\*|'none'|(('self'|https?://[\w.*:-]+)( +|$))+")


@register(Tags.security)
def check_frame_ancestors(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check that EMBED_FRAME_ANCESTORS is a list of sources: anything else would change the page's whole policy."""
    if _SOURCES.fullmatch(settings.EMBED_FRAME_ANCESTORS):
        return []
    return [
        Error(
            f"EMBED_FRAME_ANCESTORS is no list of sites: {settings.EMBED_FRAME_ANCESTORS!r}.",
            hint="Set origins separated by spaces (https://news.example.org), * for all, or 'none' for none.",
            id="web.E001",
        )
    ]
