"""Static files storage that compresses each file only once.

WhiteNoise compresses all files on every collectstatic, which runs at every start.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedStaticFilesStorage


class Storage(CompressedStaticFilesStorage):  # type: ignore[misc]
    """Compresses new and changed files only."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[tuple[str, str, bool]]:
        """Compress files that have no current copy. Yields: name, name of the written file, whether it was written."""
        uncompressed = {name: source for name, source in paths.items() if not self._is_compressed(name)}
        yield from super().post_process(uncompressed, dry_run, **options)

    def _is_compressed(self, name: str) -> bool:
        # WhiteNoise copies the modification time of the source to the compressed file.
        path = Path(self.path(name))
        copies = [path.with_name(path.name + suffix) for suffix in (".gz", ".br")]
        return all(copy.exists() and copy.stat().st_mtime == path.stat().st_mtime for copy in copies)
