"""HTTP download of a layer's file: resumable, verified, cached."""

import fcntl
import hashlib
import re
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
from loader.source.declarations import Layer

_TIMEOUT_S = 30
_ATTEMPTS = 6
_PAUSE_S = 1.0
_CHUNK = 1 << 18
_AGENT = "covidtrends-geo (boundary loader)"
# Status codes that are retried besides 500 and above.
_RETRY_STATUSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
# A strong entity tag or a date, which can be sent back as If-Range.
_VALIDATOR = re.compile(r"(?!W/)[\x20-\x7e]{1,500}")
_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--[^>]*>\s*)?<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)


class _WrongContent(Exception):
    """The response is not the file; a retry would not help."""


def download(layer: Layer, steps: Steps, *, pause_s: float = _PAUSE_S) -> Path:
    """Return the layer's file in the cache, after downloading it or the rest of it.

    A cached file is verified like a download; if it fails, or came from another address, it is downloaded again. A partial
    download stays in `NAME.part`, with its validator (ETag or Last-Modified) in `NAME.part.version`. It is resumed after a lost
    connection or a killed process; if the file changed on the server, the download starts again.

    Raises: SourceError for a layer without an address; DownloadError with the remedy.
    """
    if not layer.url:
        raise SourceError(f"Layer {layer.name} has no download address: give the file with --file.")
    name = Path(unquote(urlsplit(layer.url).path)).name
    if name in ("", ".."):
        raise SourceError(f"Layer {layer.name}: the address {layer.url} does not end in the name of a file.")
    target = Path(settings.GEODATA_CACHE) / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with _lock_file(part):
            if not _is_cached(layer, target, steps):
                with steps.step("download", layer.size) as step:
                    _download(layer, part, step, pause_s)
                if problem := _problem(layer, part):
                    part.unlink()
                    raise DownloadError(f"{layer.url} {problem}, or give the file with --file.")
                _origin_file(target).write_text(layer.url, encoding="utf-8")
                part.replace(target)
                _version_file(part).unlink(missing_ok=True)
    except OSError as error:
        raise DownloadError(
            f"{layer.url} cannot be stored in {target.parent}: {error.strerror or error}. Make the folder writable, or "
            "download the file by other means and give it with --file."
        ) from error
    return target


def _is_cached(layer: Layer, target: Path, steps: Steps) -> bool:
    """Return whether the cached file is that of the layer; another one is deleted."""
    if not target.exists():
        return False
    origin = _origin_file(target)
    # A file without an .origin file was put into the cache by hand.
    address = origin.read_text(encoding="utf-8", errors="replace") if origin.exists() else layer.url
    problem = _problem(layer, target) if address == layer.url else f"comes from another address, {address}"
    if problem is None:
        return True
    steps.say(f"cached file {target} {problem.split(':')[0]}: downloading again")
    target.unlink()
    return False


@contextmanager
def _lock_file(part: Path) -> Iterator[None]:
    """Hold an exclusive lock on a partial download; it is released when the process ends."""
    with part.with_name(part.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DownloadError(f"Another process is downloading {part.stem}. Try again when it has finished.") from None
        # The lock file is not deleted: a third process could then lock a new file of the same name.
        yield


def _download(layer: Layer, part: Path, step: Step, pause_s: float) -> None:
    problem: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
        try:
            _resume(layer, part, step)
        except urllib.error.HTTPError as error:
            problem = error
            error.close()
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _RETRY_STATUSES:
                break
        except (_WrongContent, ValueError) as error:  # ValueError: an invalid address
            problem = error
            break
        except (OSError, HTTPException) as error:
            problem = error
        else:
            return
    partial = f"; the partial download stays in {part}, and the next load resumes it" if part.exists() else ""
    raise DownloadError(
        f"{layer.url} cannot be downloaded ({problem}). Try again later, or download it by other means and give it with --file"
        f"{partial}."
    )


def _resume(layer: Layer, part: Path, step: Step) -> None:
    """Download the rest of a file. Raises: OSError, HTTPException for a lost connection; _WrongContent."""
    have = part.stat().st_size if part.exists() else 0
    version = _version_file(part)
    request = urllib.request.Request(layer.url, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"})  # noqa: S310
    validator = version.read_text(encoding="ascii", errors="replace") if version.exists() else ""
    if have and _VALIDATOR.fullmatch(validator):
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", validator)
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        # The partial download is as long as the file on the server or longer: it is complete, or a part of another file.
        part.unlink(missing_ok=True)
        error.close()
        raise OSError("the partial download does not match the file on the server") from error
    with response:
        resumed = response.status == HTTPStatus.PARTIAL_CONTENT
        if resumed and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            version.unlink(missing_ok=True)
            raise OSError("the server sent another byte range than the requested one")
        have = have if resumed else 0
        length = response.headers.get("Content-Length") or ""
        expected = have + int(length) if length.isdecimal() else None
        chunk = response.read(_CHUNK)
        # Before the partial download is overwritten.
        _refuse_other_content(layer, response, b"" if resumed else chunk, expected)
        if expected is not None:
            step.set_total(expected)
        _note_version(version, response)
        step.set_done(have)
        with part.open("ab" if resumed else "wb") as out:
            while chunk:
                out.write(chunk)
                have += len(chunk)
                step.set_done(have)
                chunk = response.read(_CHUNK)
    if expected is not None and have < expected:
        raise OSError(f"the connection ended after {have:,} of {expected:,} bytes")


def _refuse_other_content(layer: Layer, response: HTTPResponse, start: bytes, expected: int | None) -> None:
    """Raise _WrongContent for an HTML page, for an unrequested content encoding, and for another size than declared."""
    if _PAGE.match(start):
        raise _WrongContent(
            f"the server sent an HTML page instead of the file, such as a maintenance page (it begins with {start[:40]!r}); "
            f"open {response.url} in a browser"
        )
    encoding = (response.headers.get("Content-Encoding") or "identity").lower()
    if encoding != "identity":
        raise _WrongContent(f"the server sent it with Content-Encoding {encoding}, which was not requested")
    if layer.size is not None and expected is not None and expected != layer.size:
        raise _WrongContent(
            f"it has {expected:,} bytes instead of {layer.size:,}: it is another file than the declared one. Check it; "
            "if it is the right one, correct bytes in sources.toml"
        )


def _note_version(version: Path, response: HTTPResponse) -> None:
    # Only a strong validator proves that two byte ranges belong to the same file.
    validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    if _VALIDATOR.fullmatch(validator):
        version.write_text(validator, encoding="ascii")
    else:
        version.unlink(missing_ok=True)


def _problem(layer: Layer, path: Path) -> str | None:
    """Return why a file is not the declared one, None if it is."""
    declared = "it is another file than the declared one. Check it; if it is the right one, correct"
    size = path.stat().st_size
    if layer.size is not None and size != layer.size:
        return f"has {size:,} bytes instead of {layer.size:,}: {declared} bytes in sources.toml"
    if layer.sha256:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != layer.sha256.lower():
            return f"has the SHA-256 {digest} instead of {layer.sha256}: {declared} sha256 in sources.toml"
    with path.open("rb") as file:
        head = file.read(4096)
    is_zip = unquote(urlsplit(layer.url).path).lower().endswith((".zip", ".kmz"))
    if _PAGE.match(head) or (is_zip and not zipfile.is_zipfile(path)):
        return f"is not a {'zip' if is_zip else 'boundary file'} (it begins with {head[:40]!r}): open the address in a browser"
    return None


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _origin_file(target: Path) -> Path:
    """Return the file with the address that a cached file came from: two addresses may end in the same file name."""
    return target.with_name(target.name + ".origin")
