"""Cache keys: everything that the body and the ETag of a cached response depend on."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from geography.queries.changes import ReusedCode


class SourceVersion(NamedTuple):
    """Publication from which a body is computed: a vintage, or the revision of one indicator or of all indicators.

    Attributes:
        version: `load_id` of a vintage, `revision` of indicators.
        published_at: a rollback publishes the same load again, at another time; None where `version` covers that.
    """

    version: str
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheKey:
    """Identity of a cached response. Two responses with equal keys have equal bodies, in every process of one code version.

    A body may depend on nothing that is not a field here. A request header that a body comes to depend on needs a field, and a
    name in `Vary`.

    Attributes:
        view: name of the view class.
        path: path of the URL, without a trailing slash.
        parameters: typed parameters as pairs of name and `repr`, without those that other fields stand for: the choice of
            vintages (`sources`) and `lang` (`language`).
        sources: publications that the body is computed from.
        media_type: media type of the body.
        language: `en` or `fr`; None for a body that is the same in every language.
        encoding: content encoding of the body; None for none.
        raw_query: parameters as the client wrote them, sorted by name, where links in the body repeat them.
        base_url: absolute URL that addresses in the body begin with; empty where the body has none.
        reused_codes: codes that identify a different place in another published vintage, sorted by code, if the body warns of
        them.
        dated: True where the body has the time at which it was made: the ETag is weak then, since a body that is made again
            differs in that time alone.
    """

    view: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    sources: tuple[SourceVersion, ...]
    media_type: str
    language: str | None
    encoding: str | None
    raw_query: tuple[tuple[str, str], ...] = ()
    base_url: str = ""
    reused_codes: tuple[tuple[str, tuple[ReusedCode, ...]], ...] = ()
    dated: bool = False

    def storage_key(self) -> str:
        """Return the key of the body in the response cache: all fields and the version of the code, as text."""
        return f"{code_version()} {self!r}"

    def etag(self) -> str:
        """Return the ETag of the response, in its quotes; strong unless `dated`."""
        tag = f'"{hashlib.blake2b(self.storage_key().encode(), digest_size=16).hexdigest()}"'
        return f"W/{tag}" if self.dated else tag


@cache
def code_version() -> str:
    """Return a hash of all code, templates and translations that a response may depend on. Another version has other ETags."""
    digest = hashlib.blake2b(settings.WEB_ASSETS.encode(), digest_size=8)
    for folder in ("api", "geography", "indicators", "locale"):
        for path in sorted(Path(settings.APP_DIR, folder).rglob("*")):
            if path.suffix in {".py", ".html", ".mo"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()
