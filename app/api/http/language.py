"""Content language: negotiation and translation of messages."""

from collections.abc import Callable, Sequence
from functools import cache

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import activate, gettext, ngettext, override
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.request import Request

from geography.translation import Message

LANGUAGES = ("en", "fr")


def language_of(request: HttpRequest | Request) -> str:
    """Return `en` or `fr`: what `lang` asks for, else what Accept-Language prefers of the two, else `en`.

    `lang` counts wherever it can be read, however wrong the rest of the request is. Given twice, or as another language, it
    does not: the answer is then an error that has to be understood. Settled once for each request.
    """
    return _negotiated(request)[0]


def _negotiated(request: HttpRequest | Request) -> tuple[str, bool]:
    """Return the language, and whether `lang` has settled it."""
    settled: tuple[str, bool] | None = getattr(request, "settled_language", None)
    if settled is None:
        try:
            getlist = request.GET.getlist("lang")
        except SuspiciousOperation:
            # More parameters than are read.
            getlist = []
        settled = negotiate(getlist, request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
        setattr(request, "settled_language", settled)  # noqa: B010 - an attribute of ours
    return settled


def negotiate(value: Sequence[str], header: str) -> tuple[str, bool]:
    """Return the language, and whether `lang` has settled it.

    Args:
        given: every value of `lang`.
        header: Accept-Language.
    """
    language = value[0].strip().lower() if len(value) == 1 else ""
    return (language, True) if language in LANGUAGES else (_preferred(header), False)


def _preferred(header: str) -> str:
    # The best comes first. Nothing is sent in a language that is refused with q=0.
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
    """Settle the language before anything answers, so that Django's own translations follow, and say so in the headers.

    In place of Django's LocaleMiddleware, which knows no `lang` and lets a cookie decide that Vary does not mention.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        language, negotiated = _negotiated(request)
        activate(language)
        response = get_response(request)
        # Neither a tile nor what was asked for with `lang` depends on the header.
        if not negotiated and not getattr(response, "same_in_every_language", False):
            patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", language)
        return response

    return middleware
