"""Downloads a layer's file from its official address: resumed when cut, checked, kept."""

import fcntl
import hashlib
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from loader.errors import DownloadError, SourceError
from loader.progress import Step, Steps
from loader.sources import Layer

_TIMEOUT_S = 30
_ATTEMPTS = 6
_PAUSE_S = 1.0
_CHUNK = 1 << 18
_AGENT = "covidtrends-geo (boundary loader)"


def fetch(layer: Layer, steps: Steps, *, pause_s: float = _PAUSE_S) -> Path:
    """Return the layer's file in the cache, downloading what is missing of it.

    What has arrived of a download stays in `NAME.part`, with the server's version of the file in `NAME.part.version`, so that
    a cut connection or a killed process costs nothing. A file that changed on the server meanwhile is begun anew.

    Raises: SourceError for a layer without an address; DownloadError, saying what to do by hand.
    """
    if not layer.url:
        raise SourceError(f"Layer {layer.name} has no address to download from: give the file with --file.")
    name = Path(unquote(urlsplit(layer.url).path)).name
    if name in ("", ".."):
        raise SourceError(f"Layer {layer.name}: the address {layer.url} does not end in the name of a file.")
    target = Path(settings.GEODATA_CACHE) / name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with _alone_with(part):
        # Another process may have finished it in between.
        if not target.exists():
            with steps.step("download", layer.size) as step:
                _download(layer, part, step, pause_s)
            _check(layer, part)
            part.replace(target)
            _version_file(part).unlink(missing_ok=True)
    return target


@contextmanager
def _alone_with(part: Path) -> Iterator[None]:
    """Keep a second process from writing into the same file; the lock ends with the process."""
    with part.with_name(part.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DownloadError(f"Another process is downloading {part.stem}. Try again when it is done.") from None
        # The file stays: who removed it would let a third process lock another one of the same name.
        yield


def _download(layer: Layer, part: Path, step: Step, pause_s: float) -> None:
    problem: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
        try:
            _continue(layer.url, part, step)
        except urllib.error.HTTPError as error:
            problem = error
            error.close()
            # The server has an opinion; only its own troubles are worth another try.
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code != HTTPStatus.TOO_MANY_REQUESTS:
                break
        except (OSError, HTTPException) as error:
            problem = error
        else:
            return
    raise DownloadError(
        f"{layer.url} cannot be downloaded ({problem}). Download it by other means and give it with --file; "
        f"what has arrived is kept in {part}."
    )


def _continue(url: str, part: Path, step: Step) -> None:
    """Fetch the rest of a file. Raises: OSError, HTTPException for a connection that ends early."""
    have = part.stat().st_size if part.exists() else 0
    version = _version_file(part)
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"})  # noqa: S310
    if have and version.exists():
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version.read_text(encoding="ascii"))
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        # There is nothing after what we have: it was complete, or is not a part of this file at all.
        part.unlink()
        error.close()
        raise OSError("what had arrived does not fit the file on the server") from error
    with response:
        resumed = response.status == HTTPStatus.PARTIAL_CONTENT
        if resumed and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            version.unlink(missing_ok=True)
            raise OSError("the server sent another part of the file than the one it was asked for")
        have = have if resumed else 0
        length = response.headers.get("Content-Length") or ""
        expected = have + int(length) if length.isdecimal() else None
        if expected is not None:
            step.set_total(expected)
        # Only a strong validator proves that two halves belong to one file.
        validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if validator and not validator.startswith("W/"):
            version.write_text(validator, encoding="ascii")
        else:
            version.unlink(missing_ok=True)
        step.set_done(have)
        with part.open("ab" if resumed else "wb") as out:
            while chunk := response.read(_CHUNK):
                out.write(chunk)
                have += len(chunk)
                step.set_done(have)
    if expected is not None and have < expected:
        raise OSError(f"the connection ended after {have:,} of {expected:,} bytes")


def _check(layer: Layer, part: Path) -> None:
    size = part.stat().st_size
    if layer.size is not None and size != layer.size:
        part.unlink()
        raise DownloadError(
            f"{layer.url} has {size:,} bytes instead of {layer.size:,}: it is another file than the one that was declared. "
            "Look at it; if it is the right one, correct bytes in sources.toml or give the file with --file."
        )
    if layer.sha256:
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != layer.sha256:
            part.unlink()
            raise DownloadError(
                f"{layer.url} has the SHA-256 {found} instead of {layer.sha256}: it is another file than the one that was "
                "declared. Look at it; if it is the right one, correct sha256 in sources.toml or give the file with --file."
            )
    if unquote(urlsplit(layer.url).path).lower().endswith(".zip") and not zipfile.is_zipfile(part):
        with part.open("rb") as file:
            head = file.read(40)
        part.unlink()
        raise DownloadError(
            f"{layer.url} answers with something that is no zip (it begins with {head!r}), such as a page that says why: open "
            "it in a browser, and give the file with --file."
        )


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".version")
