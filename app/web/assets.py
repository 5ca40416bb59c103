"""Asset fingerprint: the page's static files are in one folder, whose URL has a digest of all files.

Responses can thus be cached as immutable, a deployment takes effect at once, and relative imports between modules stay
consistent without rewriting any file.
"""

import hashlib
import re
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path

# A static import, whose names may take several lines.
_IMPORT = re.compile(r'^import [^;"]*"\./([\w-]+\.js)";', re.MULTILINE)
FOLDER = Path(__file__).resolve().parent / "assets"


def digest(folder: Path = FOLDER) -> str:
    """Return a digest of the names and contents of all files below the folder: 12 hexadecimal digits."""
    hasher = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        hasher.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return hasher.hexdigest()[:12]


PREFIX = f"web/{digest()}"
# URLs that WhiteNoise serves as immutable.
IMMUTABLE = r"/web/[0-9a-f]{12}/"


def modules() -> list[str]:
    """Return the modules that main.js imports, itself and theirs included, relative to the folder, for `modulepreload` links.

    Modules that are imported by a function later, those of the map, are not among them.
    """
    names = ["main.js"]
    # The list grows while it is walked.
    for name in names:
        text = (FOLDER / "js" / name).read_text(encoding="utf-8")
        names += [imported for imported in _IMPORT.findall(text) if imported not in names]
    return [f"js/{name}" for name in sorted(names)]


@cache
def digest_of_page() -> str:
    """Return a digest of the page: its template, texts and static files. It is the ETag of the page."""
    package = FOLDER.parent
    sources = [*sorted(package.rglob("*.html")), *sorted(package.glob("*.py"))]
    hasher = hashlib.sha256(PREFIX.encode())
    for path in sources:
        hasher.update(path.read_bytes())
    return hasher.hexdigest()[:12]


def add_headers(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Add a Content-Security-Policy to web worker scripts (WhiteNoise hook).

    A worker follows the policy of its own response. MapLibre fetches tiles in its worker.
    """
    if "/web/" in url and url.endswith("-worker.mjs"):
        headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
