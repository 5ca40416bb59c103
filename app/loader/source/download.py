"""Downloads a layer's file from its official address: resumed when cut, checked, kept."""

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
# Beyond the server's own troubles (500 and up), what is worth another try.
_TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
# An entity tag that is strong, or a date; whatever else a server sends cannot be sent back.
_VALIDATOR = re.compile(r"(?!W/)[\x20-\x7e]{1,500}")
_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--[^>]*>\s*)?<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)


class _NotTheFile(Exception):
    """The server answers with something else than the file, and would again."""


def download(layer: Layer, steps: Steps, *, pause_s: float = _PAUSE_S) -> Path:
    """Return the layer's file in the cache, downloading what is missing of it.

    A file that is there already goes through the checks of a download; one that fails them, or that came from another address,
    is downloaded anew. What has arrived of a download stays in `NAME.part`, with the server's version of the file in
    `NAME.part.version`, so that a cut connection or a killed process costs nothing. A file that changed on the server meanwhile
    is begun anew.

    Raises: SourceError for a layer without an address; DownloadError, saying what to do by hand.
    """
    if not layer.url:
        raise SourceError(f"Layer {layer.name} has no address to download from: give the file with --file.")
    name = Path(unquote(urlsplit(layer.url).path)).name
    if name in ("", ".."):
        raise SourceError(f"Layer {layer.name}: the address {layer.url} does not end in the name of a file.")
    target = Path(settings.GEODATA_CACHE) / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with _lock_file(part):
            if not _usable(layer, target, steps):
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
            f"{layer.url} cannot be kept in {target.parent}: {error.strerror or error}. Download it by other means and give it "
            "with --file."
        ) from error
    return target


def _usable(layer: Layer, target: Path, steps: Steps) -> bool:
    """Say whether the file in the cache is the layer's; one that is not is deleted."""
    if not target.exists():
        return False
    origin = _origin_file(target)
    # A file without a note was put there by hand.
    address = origin.read_text(encoding="utf-8", errors="replace") if origin.exists() else layer.url
    problem = _problem(layer, target) if address == layer.url else f"comes from another address, {address}"
    if problem is None:
        return True
    steps.say(f"{target} {problem.split(':')[0]}: it is downloaded again")
    target.unlink()
    return False


@contextmanager
def _lock_file(part: Path) -> Iterator[None]:
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
            _resume(layer, part, step)
        except urllib.error.HTTPError as error:
            problem = error
            error.close()
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _TRY_AGAIN:
                break
        except (_NotTheFile, ValueError) as error:  # ValueError: an address that cannot be asked for
            problem = error
            break
        except (OSError, HTTPException) as error:
            problem = error
        else:
            return
    retained = f"; what has arrived is kept in {part}, and the next load goes on from there" if part.exists() else ""
    raise DownloadError(
        f"{layer.url} cannot be downloaded ({problem}). Try again later, or download it by other means and give it with --file"
        f"{retained}."
    )


def _resume(layer: Layer, part: Path, step: Step) -> None:
    """Fetch the rest of a file. Raises: OSError, HTTPException for a connection that ends early; _NotTheFile."""
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
        # There is nothing after what we have: it was complete, or is not a part of this file at all.
        part.unlink(missing_ok=True)
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
        chunk = response.read(_CHUNK)
        # Before what has arrived is overwritten.
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
    """Raise _NotTheFile for a page with the status 200, for content that was packed, and for another size than declared."""
    if _PAGE.match(start):
        raise _NotTheFile(
            f"the server answers with a page instead of the file, such as one that says that it is closed (it begins with "
            f"{start[:40]!r}); open {response.url} in a browser to see it"
        )
    packed = (response.headers.get("Content-Encoding") or "identity").lower()
    if packed != "identity":
        raise _NotTheFile(f"the server sends it packed as {packed}, which was not asked for")
    if layer.size is not None and expected is not None and expected != layer.size:
        raise _NotTheFile(
            f"it has {expected:,} bytes instead of {layer.size:,}: it is another file than the declared one. Look at it; "
            "if it is the right one, correct bytes in sources.toml"
        )


def _note_version(version: Path, response: HTTPResponse) -> None:
    # Only a strong validator proves that two halves belong to one file.
    validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    if _VALIDATOR.fullmatch(validator):
        version.write_text(validator, encoding="ascii")
    else:
        version.unlink(missing_ok=True)


def _problem(layer: Layer, path: Path) -> str | None:
    """Return why a file is not the one that was declared, None where it is."""
    declared = "it is another file than the one that was declared. Look at it; if it is the right one, correct"
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
        return f"is no {'zip' if is_zip else 'boundary file'} (it begins with {head[:40]!r}): open the address in a browser"
    return None


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _origin_file(target: Path) -> Path:
    """Return the file that notes from which address a file of the cache came: two addresses may end in the same name."""
    return target.with_name(target.name + ".origin")
