"""Export (creation) of download files: those of a new publication, and missing ones."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import Error

from geography.constants import SRID_WGS84
from geography.download_files import DownloadFile, load_name, read_manifest, with_state
from geography.download_formats import DESCRIBES, FORMATS
from geography.lookup.compile import is_current
from geography.models import Vintage
from geography.queries.downloads import Download, downloads_of
from geography.vintages import catalogue
from indicators.queries import catalogue as indicator_catalogue
from indicators.queries.downloads import IndicatorDownload
from indicators.queries.downloads import all_downloads as downloads_of_indicators
from loader.errors import Superseded
from loader.export import arrow, columns, figure_files, lookup, packs, store, text, tiles
from loader.export.figure_table import Tables
from loader.progress import Steps


@dataclass
class ExportResult:
    """Result of an export: names of the created files, and the reason of each failure by name."""

    ready: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def export(downloads: Iterable[DownloadFile], steps: Steps, *, again: bool = False) -> ExportResult:
    """Create files for `/downloads`: the missing ones, or all of them with `again`.

    A failure of one file does not stop the others.

    Raises: OSError if DOWNLOADS_DIR is not writable; django.db.Error if the database is unavailable.
    """
    result = ExportResult()
    with store.exclusive():
        # Read under the lock: its previous holder may have created them.
        current = [with_state(download, read_manifest(download.folder)) for download in downloads]
        missing = [download for download in current if again or not _is_usable(download)]
        if missing:
            with steps.step("downloads", len(missing)) as step:
                tables = Tables()
                for download in missing:
                    try:
                        store.store(download, writer_of(download, tables))
                        result.ready.append(download.name)
                    except Superseded:  # the next publication has its own files
                        pass
                    except Exception as error:  # reported; the next file may succeed
                        if isinstance(error, Error):
                            raise
                        result.failed[download.name] = f"{type(error).__name__}: {error}"
                    step.advance()
        for folder in dict.fromkeys(download.folder for download in current if isinstance(download, IndicatorDownload)):
            store.delete_older(folder)
    return result


def _is_usable(download: DownloadFile) -> bool:
    """Return whether a file is ready and, if it is a lookup index, this version reads it and it has the vintage's regions."""
    if isinstance(download, Download) and download.format.name == "lookup":
        return download.state == "ready" and is_current(download.vintage, download.path)
    return download.state == "ready"


def export_vintages(vintages: Iterable[Vintage], steps: Steps) -> ExportResult:
    """Create the missing files that contain one of these vintages; unpublished vintages have no files.

    Raises: as `export`.
    """
    ids = {vintage.pk for vintage in vintages}
    return export(
        [download for download in published_downloads() if ids & {download.vintage.pk, download.paired and download.paired.pk}],
        steps,
    )


def export_indicators(slugs: Iterable[str], steps: Steps) -> ExportResult:
    """Create the missing files of these indicators; unpublished indicators have no files. Raises: as `export`."""
    names = set(slugs)
    return export(
        [download for download in indicator_downloads() if download.published.indicator.slug in names],
        steps,
    )


def make_lookup(vintage: Vintage, steps: Steps) -> None:
    """Compile the lookup index of a vintage, published or staged, if it is missing or its regions have changed.

    Raises: OSError if DOWNLOADS_DIR is not writable.
    """
    download = Download(vintage=vintage, format=FORMATS["lookup"])
    with store.exclusive():
        if _is_usable(with_state(download, read_manifest(download.folder))):
            return
        with steps.step("compile", 2 * lookup.vertices_of(vintage)) as step:
            store.store(download, lambda path: lookup.write_lookup(vintage, path, step.advance))


def after_publication(vintages: Iterable[Vintage], steps: Steps) -> list[str]:
    """Create the files of a publication of vintages: as `_after`."""
    return _after(lambda: export_vintages(vintages, steps))


def after_issue(slug: str, steps: Steps) -> list[str]:
    """Create the files of an issue or a rollback of an indicator: as `_after`."""
    return _after(lambda: export_indicators([slug], steps))


def _after(make: Callable[[], ExportResult]) -> list[str]:
    """Create files after a publication, and return messages for the operator; none if all succeeded.

    A failure does not undo the publication.
    """
    if not settings.DOWNLOADS_AT_PUBLISH:
        return []
    try:
        failed = make().failed
    except OSError as error:
        failed = {"the download files": f"{error.strerror or error} ({settings.DOWNLOADS_DIR})"}
    messages = [f"Published, but {name} could not be created: {why}" for name, why in failed.items()]
    return [*messages, "After fixing the cause, run: manage.py export"] if messages else []


def write_out(download: DownloadFile, target: Path, tables: Tables | None = None) -> None:
    """Write a download to a path; the file appears there only once it is complete. Raises: OSError."""
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
        created = Path(folder) / download.name
        writer_of(download, tables)(created)
        created.replace(target)


def published_downloads() -> list[Download]:
    """Return the downloads of all published vintages, each with the state of its file. Reads the tables anew. Queries: 1."""
    catalogue.clear()
    published = catalogue.published()
    return [download for vintage in published.vintages for download in downloads_of(vintage, published)]


def indicator_downloads() -> list[IndicatorDownload]:
    """Return the downloads of all published indicators, each with the state of its file. Reads the tables anew. Queries: 1."""
    indicator_catalogue.clear()
    return [download for _, downloads in downloads_of_indicators() for download in downloads]


def delete_stale() -> list[str]:
    """Delete the files of vintages that are no longer in the database and of replaced issues, and return their folders.

    Queries: 2.
    """
    load_names = {load_name(vintage) for vintage in Vintage.objects.only("pk", "created_at")}
    load_names |= {download.publication for download in indicator_downloads()}
    with store.exclusive():
        return [str(path) for path in store.delete_unreferenced(lambda path: path.name in load_names)]


def writer_of(download: DownloadFile, tables: Tables | None = None) -> Callable[[Path], None]:
    """Return the function that writes a file to a path.

    Args:
        tables: shared by the files of an export, so that the files of an indicator need one read.
    """
    if isinstance(download, IndicatorDownload):
        return partial(figure_files.write, download, tables or Tables())
    if isinstance(download, Download):
        return _vintage_writer(download)
    raise ValueError(f"no writer for {type(download).__name__}")


def _vintage_writer(download: Download) -> Callable[[Path], None]:
    # The catalogue has no report, which holds the field names of the source.
    vintage = Vintage.objects.select_related("coverage").get(pk=download.vintage.pk)

    published: dict[str, Callable[[Vintage, Path], None]] = {
        "gpkg": arrow.write_gpkg,
        "fgb": arrow.write_fgb,
        "fgb-wgs84": partial(arrow.write_fgb, srid=SRID_WGS84),
        "parquet": arrow.write_geoparquet,
        "parquet-wgs84": arrow.write_geoparquet_wgs84,
        "pieces": arrow.write_pieces,
        "shapefile": arrow.write_shapefile,
    }

    def write(path: Path) -> None:
        match download.format.name:
            case name if name in published:
                published[name](vintage, path)
            case "geojson":
                text.write_geojson(vintage, str(download.level), path)
            case "pmtiles":
                tiles.write_pmtiles(vintage, path)
            case "lookup":
                lookup.write_lookup(vintage, path)
            case "pack":
                packs.write(vintage, path)
            case "csv":
                text.write_codes(vintage, path)
            case "csvw":
                columns.describe_codes(vintage, path.name.removesuffix(DESCRIBES), path)
            case "shares" if download.paired is not None:
                text.write_shares(vintage, download.paired, path)
            case "shares-csvw" if download.paired is not None:
                columns.describe_shares(vintage, download.paired, path.name.removesuffix(DESCRIBES), path)
            case unknown:
                raise ValueError(f"no writer for format {unknown}")

    return write
