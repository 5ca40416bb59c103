"""Under which address a browser finds the files of the page.

They lie in one folder whose name holds a digest of all of them. So they may be kept for ever, a deploy is seen at once, and
modules that import each other by relative names stay together: no file has to be rewritten.
"""

import hashlib
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "assets"


def digest(folder: Path = FOLDER) -> str:
    """Return twelve hexadecimal digits that change with the name or the content of any file below the folder."""
    seen = hashlib.sha256()
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        seen.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return seen.hexdigest()[:12]


PREFIX = f"web/{digest()}"
# What WhiteNoise serves as immutable.
IMMUTABLE = r"/web/[0-9a-f]{12}/"


def modules() -> list[str]:
    """Return the page's own JavaScript modules, relative to the folder. The browser is told of all of them at once."""
    return [path.relative_to(FOLDER).as_posix() for path in sorted((FOLDER / "js").glob("*.js"))]


@cache
def digest_of_page() -> str:
    """Return the same kind of digest for the page itself: its template, its texts and its files."""
    here = FOLDER.parent
    parts = [*sorted(here.rglob("*.html")), *sorted(here.glob("*.py"))]
    seen = hashlib.sha256(PREFIX.encode())
    for path in parts:
        seen.update(path.read_bytes())
    return seen.hexdigest()[:12]


def add_headers(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Give a worker the page's policy: it obeys the one it comes with, and it is where MapLibre fetches tiles."""
    if "/web/" in url and url.endswith("-worker.mjs"):
        headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
