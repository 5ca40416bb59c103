"""Content negotiation of the language, and translation of messages."""

from collections.abc import Callable
from functools import cache, lru_cache

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.utils.cache import patch_vary_headers
from django.utils.translation import activate, gettext, ngettext, override
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.request import Request

from geography.translation import Message

LANGUAGES = ("en", "fr")
_NAMES = {"en": "English", "fr": "Français"}


def language_of(request: HttpRequest | Request) -> str:
    """Return `en` or `fr`: the value of `lang`, else the preference of Accept-Language, else `en`.

    A valid `lang` counts even where the rest of the request is invalid, so that the problem document is in that language. A
    repeated `lang` and other values are ignored here, and rejected by the parameter's validator. Negotiated once per request.
    """
    return _negotiated(request)[0]


def _negotiated(request: HttpRequest | Request) -> tuple[str, bool]:
    """Return the language, and whether `lang` determined it."""
    negotiated: tuple[str, bool] | None = getattr(request, "negotiated_language", None)
    if negotiated is None:
        try:
            values = request.GET.getlist("lang")
        except SuspiciousOperation:
            # More parameters than DATA_UPLOAD_MAX_NUMBER_FIELDS.
            values = []
        language = values[0].strip().lower() if len(values) == 1 else ""
        by_parameter = language in LANGUAGES
        header = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        negotiated = language if by_parameter else preferred_language(header), by_parameter
        setattr(request, "negotiated_language", negotiated)  # noqa: B010 - not an attribute of Django's
    return negotiated


def other_language(request: HttpRequest | Request) -> dict[str, str]:
    """Return code, name and query string of the same page in the other language; all other parameters stay."""
    code = "en" if language_of(request) == "fr" else "fr"
    try:
        parameters = request.GET.copy()
    except SuspiciousOperation:
        # More parameters than DATA_UPLOAD_MAX_NUMBER_FIELDS.
        parameters = QueryDict(mutable=True)
    parameters["lang"] = code
    return {"code": code, "name": _NAMES[code], "query": parameters.urlencode()}


@lru_cache(maxsize=256)
def preferred_language(header: str) -> str:
    """Return the language that an Accept-Language header prefers, `en` by default. Recent headers are negotiated once."""
    # Sorted by quality. A language with q=0 is refused.
    for code, quality in parse_accept_lang_header(header.lower()):
        language = code.partition("-")[0]
        if language in LANGUAGES and quality > 0:
            return language
    return "en"


def translate(message: Message, language: str) -> str:
    """Return the message in a language. The translation of a message without values is cached."""
    return _render(message, language) if message.values else _constant(message, language)


def _render(message: Message, language: str) -> str:
    with override(language):
        return message.render(gettext, ngettext)


@cache
def _constant(message: Message, language: str) -> str:
    return _render(message, language)


def language_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that negotiates the language, activates Django's translations, and sets Content-Language and Vary.

    Replaces Django's LocaleMiddleware, which ignores `lang` and reads a cookie that Vary does not name.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        language, by_parameter = _negotiated(request)
        activate(language)
        response = get_response(request)
        # Tiles and responses to requests with `lang` do not depend on Accept-Language.
        if not by_parameter and not getattr(response, "same_in_every_language", False):
            patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", language)
        return response

    return middleware
