"""Views of the files of published vintages."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.http.byte_ranges import RangeUnsatisfiable, requested_part
from api.http.concurrency import TooManyAtOnce
from api.http.language import translate_cached
from api.http.links import web_address
from api.http.renderers import FileRenderer, JSONRenderer, json_bytes
from api.http.streaming import send_range
from api.openapi import document
from api.problems import PAGE_POLICY
from api.requests import models
from api.responses.payloads import NOTICE, downloads_payload
from api.views.base import ApiView
from geography import errors
from geography.download_formats import CHECKSUMS_NAME, DESCRIBES
from geography.queries.coverages import published_coverages
from geography.queries.downloads import Download, all_downloads, download_get, vintage_downloads
from geography.translation import Message

# A smaller part fits the connection's buffers. A larger one holds a thread until the client has taken it: a transfer slot.
_LARGE = 1 << 20
_BY_NAME = "public, max-age=300, must-revalidate"
_FOR_GOOD = "public, max-age=31536000, immutable"
_PROBLEMS: tuple[type[Exception], ...] = (
    errors.ParameterInvalid,
    errors.CoverageUnknown,
    errors.VintageUnknown,
    errors.NothingPublished,
    errors.DownloadUnknown,
    errors.DownloadMissing,
    errors.DownloadNotMade,
    RangeUnsatisfiable,
    TooManyAtOnce,
)
# Which one of them /downloads tells.
_ANY = ("*/*",)


class PageRenderer(BaseRenderer):
    """The list as a page for people."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the page; a problem stays what it is."""
        context = renderer_context or {}
        if context["response"].status_code >= 400:
            return json_bytes(data)
        language = context["view"].language
        in_force = {
            download.coverage.slug: download.in_force.label
            for download in published_coverages()
            if download.in_force is not None
        }
        for download in data["downloads"]:
            download["in_force"] = in_force.get(download["vintage"]["coverage"]) == download["vintage"]["label"]
        return render_to_string(
            "api/downloads.html",
            data | {"language": language, "notice": translate_cached(NOTICE, language)},
            context["request"],
        ).encode()


class DownloadsView(ApiView):
    """What there is to take away."""

    renderer_classes = [JSONRenderer, PageRenderer]

    @document.documented(
        models.PLAIN,
        operation_id="list_downloads",
        tag="Downloads",
        summary="The files of every published vintage",
        body="DownloadList",
        media_types=("application/json", "text/html"),
        problems=(errors.ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """List every published vintage as files, with size and SHA-256 of each; as a page where `Accept` prefers `text/html`.

        Only files that are `ready` can be had; the others are being made, or could not be, or are not on this machine.
        """
        self.parse(request, models.PLAIN)
        body = {"downloads": [downloads_payload(vintage, files, self.language) for vintage, files in all_downloads()]}
        return Response(body, headers={"Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY})


class DownloadView(ApiView):
    """A file by its name, which means the current one."""

    renderer_classes = [FileRenderer]
    cache_control = _BY_NAME

    @document.documented(
        models.DOWNLOAD,
        operation_id="get_download",
        tag="Downloads",
        summary="A file of a vintage",
        body="Download",
        media_types=_ANY,
        problems=_PROBLEMS,
    )
    def get(self, request: Request, coverage: str, label: str, file: str) -> HttpResponseBase:
        """Return a file. `Range` (one part), `If-Range`, `If-None-Match` and HEAD are understood; the ETag is its SHA-256.

        `SHA256SUMS` in place of a file's name lists the checksums of all of them, as `sha256sum --check` reads it.
        """
        query = self.parse(request, models.DOWNLOAD, coverage=coverage, label=label, file=file)
        if query.file == CHECKSUMS_NAME:
            ready = [
                vintage_download
                for vintage_download in vintage_downloads(coverage=query.coverage, label=query.label)
                if vintage_download.sha256
            ]
            text = "".join(f"{item.sha256}  {item.name}\n" for item in ready)
            return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})
        return self.send(request, query)

    def send(self, request: Request, query: models.DownloadQuery) -> HttpResponseBase:
        """Answer with the file or the part of it that was asked for. Queries: as for `catalogue.published`."""
        get = download_get(coverage=query.coverage, label=query.label, name=query.file, sha256=query.sha256)
        etag = f'"{get.sha256}"'
        headers = {
            "ETag": etag,
            "Cache-Control": self.cache_control,
            "Accept-Ranges": "bytes",
            "Content-Type": get.format.media_type,
            "Content-Disposition": str(content_disposition_header(as_attachment=True, filename=get.name)),
            "Link": _links(get),
            "X-Content-Type-Options": "nosniff",
        }
        unchanged = get_conditional_response(request._request, etag, None, HttpResponse(headers=headers))
        if unchanged is not None and unchanged.status_code != 200:
            return unchanged
        if settings.DOWNLOADS_HEADER:
            return HttpResponse(headers=headers | {settings.DOWNLOADS_HEADER: _for_proxy(get)})
        size = int(get.size or 0)
        try:
            part = requested_part(request.headers.get("Range"), if_range=request.headers.get("If-Range"), etag=etag, size=size)
        except RangeUnsatisfiable as error:
            refused = self.handle_exception(error)
            refused.headers["Content-Range"] = f"bytes */{size}"
            return refused
        return _sent(request, get, part or range(size), headers, status=200 if part is None else 206)


class PinnedDownloadView(DownloadView):
    """A file by its checksum: these bytes and no others, for good."""

    cache_control = _FOR_GOOD

    @document.documented(
        models.PINNED_DOWNLOAD,
        operation_id="get_pinned_download",
        tag="Downloads",
        summary="A file of a vintage with this very content",
        body="Download",
        media_types=_ANY,
        problems=_PROBLEMS,
    )
    def get(  # type: ignore[override]
        self, request: Request, coverage: str, label: str, sha256: str, file: str
    ) -> HttpResponseBase:
        """Return a file whose SHA-256 begins so. It never changes, so caches may keep it for good."""
        return self.send(
            request, self.parse(request, models.PINNED_DOWNLOAD, coverage=coverage, label=label, sha256=sha256, file=file)
        )


def _sent(request: Request, download: Download, part: range, headers: dict[str, str], *, status: int) -> HttpResponseBase:
    if status == 206:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{download.size}"
    try:
        source = download.path.open("rb")
    except OSError:
        # Deleted this very moment.
        raise errors.DownloadMissing(Message("%(name)s is not here yet.", name=download.name)) from None
    head = request.method == "HEAD"
    return send_range(source, part, headers=headers, head=head, large=len(part) > _LARGE, status=status)


def _links(download: Download) -> str:
    """Return what else there is about a file: the licences of its editions, and what describes a table."""
    addresses = dict.fromkeys(
        item.licence_url for item in (download.vintage, download.other) if item and web_address(item.licence_url)
    )
    links = [f'<{quote(address, safe=":/?#[]@!$&()*+,;=%~")}>; rel="license"' for address in addresses]
    if download.format.name in {"csv", "shares"}:
        base = f"/downloads/{download.vintage.coverage.slug}/{download.vintage.label}"
        links.append(f'<{base}/{download.name}{DESCRIBES}>; rel="describedby"; type="application/csvm+json"')
    return ", ".join(links)


def _for_proxy(download: Download) -> str:
    path = download.path.relative_to(settings.DOWNLOADS_DIR).as_posix()
    prefix = settings.DOWNLOADS_PREFIX or str(settings.DOWNLOADS_DIR)
    return quote(f"{prefix.rstrip('/')}/{path}")
