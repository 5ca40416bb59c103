"""Views of downloads: the list of files, and files with byte ranges."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from rest_framework.request import Request
from rest_framework.response import Response

from api.http.byte_ranges import RangeUnsatisfiable, requested_part
from api.http.concurrency import TooManyAtOnce
from api.http.language import translate
from api.http.links import web_address
from api.http.pages import page_context
from api.http.renderers import FileRenderer, JSONRenderer
from api.http.streaming import send_range
from api.openapi import document
from api.problem_page import PAGE_POLICY
from api.requests import indicators as indicator_requests
from api.requests import models
from api.responses.downloads import downloads_payload, indicator_downloads_payload
from api.responses.payloads import NOTICE
from api.views.base import ApiView
from api.views.pages import PageRenderer, ProblemPages
from geography import errors
from geography.download_files import DownloadFile
from geography.download_formats import CHECKSUMS_NAME, DESCRIBES
from geography.queries.coverages import published_coverages
from geography.queries.downloads import Download, all_downloads, download_get, vintage_downloads
from geography.translation import Message
from indicators.errors import IndicatorUnknown
from indicators.queries import downloads as indicator_files

# A smaller range fits the connection's buffers. A larger one holds a thread until the client has received it: a transfer slot.
_LARGE_BYTES = 1 << 20
_BY_NAME = "public, max-age=300, must-revalidate"
_PINNED = "public, max-age=31536000, immutable"
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
_INDICATOR_PROBLEMS: tuple[type[Exception], ...] = (
    IndicatorUnknown,
    *(
        problem
        for problem in _PROBLEMS
        if problem not in (errors.CoverageUnknown, errors.VintageUnknown, errors.NothingPublished)
    ),
)
# /downloads lists the media type of each file.
_ANY = ("*/*",)


class ListPageRenderer(PageRenderer):
    """text/html: the list of files as a page."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the page."""
        context = renderer_context or {}
        language = context["view"].language
        in_force = {
            published.coverage.slug: published.in_force.label
            for published in published_coverages()
            if published.in_force is not None
        }
        for download in data["downloads"]:
            download["in_force"] = in_force.get(download["vintage"]["coverage"]) == download["vintage"]["label"]
        return render_to_string(
            "api/downloads.html",
            data | page_context(context["request"]) | {"notice": translate(NOTICE, language)},
            context["request"],
        ).encode()


class DownloadsView(ProblemPages, ApiView):
    """List of the files of every published vintage and indicator."""

    renderer_classes = [JSONRenderer, ListPageRenderer]

    @document.documented(
        models.PLAIN,
        operation_id="list_downloads",
        tag="Downloads",
        summary="The files of all published vintages and indicators",
        body="DownloadList",
        media_types=("application/json", "text/html"),
        problems=(errors.ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """List the files of every published vintage and indicator with size and SHA-256.

        The list is a page where `Accept` prefers `text/html`.

        Only files with the status `ready` can be downloaded. The other files are being created, have failed, or are not on
        this machine.
        """
        self.parse(request, models.PLAIN)
        language = self.language
        body = {
            "downloads": [downloads_payload(vintage, files, language) for vintage, files in all_downloads()],
            "indicators": [indicator_downloads_payload(*files, language) for files in indicator_files.all_downloads()],
        }
        return Response(body, headers={"Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY})


class DownloadView(ApiView):
    """Current file of a name."""

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
        """Return a file. `Range` (a single range), `If-Range`, `If-None-Match` and HEAD are supported; the ETag is the SHA-256.

        `SHA256SUMS` as the file name lists the checksums of all files, in the format of `sha256sum --check`.
        """
        query = self.parse(request, models.DOWNLOAD, coverage=coverage, label=label, file=file)
        if query.file == CHECKSUMS_NAME:
            return _checksums(vintage_downloads(coverage=query.coverage, label=query.label))
        return self.send(request, _ready(query))

    def send(self, request: Request, download: DownloadFile) -> HttpResponseBase:
        """Return the response with the file or the requested range of it."""
        etag = f'"{download.sha256}"'
        headers = {
            "ETag": etag,
            "Cache-Control": self.cache_control,
            "Accept-Ranges": "bytes",
            "Content-Type": download.format.media_type,
            "Content-Disposition": str(content_disposition_header(as_attachment=True, filename=download.name)),
            "Link": _links(download),
            "X-Content-Type-Options": "nosniff",
        }
        conditional = get_conditional_response(request._request, etag, None, HttpResponse(headers=headers))
        if conditional is not None and conditional.status_code != 200:
            return conditional
        if settings.DOWNLOADS_HEADER:
            return HttpResponse(headers=headers | {settings.DOWNLOADS_HEADER: _for_proxy(download)})
        size = int(download.size or 0)
        try:
            byte_range = requested_part(
                request.headers.get("Range"), if_range=request.headers.get("If-Range"), etag=etag, size=size
            )
        except RangeUnsatisfiable as error:
            problem = self.handle_exception(error)
            problem.headers["Content-Range"] = f"bytes */{size}"
            return problem
        status = 200 if byte_range is None else 206
        return _file_response(request, download, byte_range or range(size), headers, status=status)


class PinnedDownloadView(DownloadView):
    """File by its checksum: immutable content."""

    cache_control = _PINNED

    @document.documented(
        models.PINNED_DOWNLOAD,
        operation_id="get_pinned_download",
        tag="Downloads",
        summary="A file of a vintage, pinned to its checksum",
        body="Download",
        media_types=_ANY,
        problems=_PROBLEMS,
    )
    def get(  # type: ignore[override]
        self, request: Request, coverage: str, label: str, sha256: str, file: str
    ) -> HttpResponseBase:
        """Return the file whose SHA-256 begins with `sha256`. Its content never changes, so caches may store it for a year."""
        query = self.parse(request, models.PINNED_DOWNLOAD, coverage=coverage, label=label, sha256=sha256, file=file)
        return self.send(request, _ready(query))


class IndicatorDownloadView(DownloadView):
    """Current file of an indicator."""

    @document.documented(
        indicator_requests.DOWNLOAD,
        operation_id="get_indicator_download",
        tag="Downloads",
        summary="A file of an indicator",
        body="Download",
        media_types=_ANY,
        problems=_INDICATOR_PROBLEMS,
    )
    def get(self, request: Request, id: str, file: str) -> HttpResponseBase:  # type: ignore[override]
        """Return a file of the current issue, as for vintages: `Range`, `If-None-Match`, HEAD and `SHA256SUMS`.

        A file of all values has one row for each period and place; a file that ends with `-wide.csv` has one measure, with one
        row for each period and one column for each place. A missing value is empty, never 0.
        """
        query = self.parse(request, indicator_requests.DOWNLOAD, id=id, file=file)
        if query.file == CHECKSUMS_NAME:
            return _checksums(indicator_files.indicator_downloads(query.indicator))
        return self.send(request, indicator_files.download_get(query.indicator, name=query.file))


class PinnedIndicatorDownloadView(IndicatorDownloadView):
    """File of an indicator by its checksum: immutable content."""

    cache_control = _PINNED

    @document.documented(
        indicator_requests.PINNED_DOWNLOAD,
        operation_id="get_pinned_indicator_download",
        tag="Downloads",
        summary="A file of an indicator, pinned to its checksum",
        body="Download",
        media_types=_ANY,
        problems=_INDICATOR_PROBLEMS,
    )
    def get(self, request: Request, id: str, sha256: str, file: str) -> HttpResponseBase:  # type: ignore[override]
        """Return the file whose SHA-256 begins with `sha256`. Its content never changes, so caches may store it for a year."""
        query = self.parse(request, indicator_requests.PINNED_DOWNLOAD, id=id, sha256=sha256, file=file)
        return self.send(request, indicator_files.download_get(query.indicator, name=query.file, sha256=query.sha256))


def _ready(query: models.DownloadQuery) -> Download:
    return download_get(coverage=query.coverage, label=query.label, name=query.file, sha256=query.sha256)


def _checksums(downloads: Iterable[DownloadFile]) -> HttpResponse:
    """Return the checksums of the ready files as text, in the format of `sha256sum --check`."""
    text = "".join(f"{download.sha256}  {download.name}\n" for download in downloads if download.sha256)
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


def _file_response(
    request: Request, download: DownloadFile, byte_range: range, headers: dict[str, str], *, status: int
) -> HttpResponseBase:
    if status == 206:
        headers["Content-Range"] = f"bytes {byte_range.start}-{byte_range.stop - 1}/{download.size}"
    try:
        source = download.path.open("rb")
    except OSError:
        # Deleted since the catalogue was read.
        raise errors.DownloadMissing(Message("%(name)s is not available yet.", name=download.name)) from None
    head = request.method == "HEAD"
    return send_range(source, byte_range, headers=headers, head=head, large=len(byte_range) > _LARGE_BYTES, status=status)


def _links(download: DownloadFile) -> str:
    """Return the Link header of a file: the licences of its sources, and the description (CSVW) of a table."""
    addresses = dict.fromkeys(address for address in download.licence_urls if web_address(address))
    links = [f'<{quote(address, safe=":/?#[]@!$&()*+,;=%~")}>; rel="license"' for address in addresses]
    if download.format.media_type.startswith("text/csv"):
        address = f"/downloads/{download.group}/{download.name}{DESCRIBES}"
        links.append(f'<{address}>; rel="describedby"; type="application/csvm+json"')
    return ", ".join(links)


def _for_proxy(download: DownloadFile) -> str:
    """Return the internal location that the proxy sends (X-Accel-Redirect, X-Sendfile), percent-encoded."""
    path = download.path.relative_to(settings.DOWNLOADS_DIR).as_posix()
    prefix = settings.DOWNLOADS_PREFIX or str(settings.DOWNLOADS_DIR)
    return quote(f"{prefix.rstrip('/')}/{path}")
