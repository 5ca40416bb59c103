"""Static files, compressed once: WhiteNoise does it anew whenever they are collected, which is at every start."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedStaticFilesStorage


class Storage(CompressedStaticFilesStorage):  # type: ignore[misc]
    """Leaves alone what is compressed already; a file that has changed is compressed again."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[tuple[str, str, bool]]:
        """Compress what is not. Yields: name, name of what was written, and whether it was."""
        todo = {name: where for name, where in paths.items() if not self._is_compressed(name)}
        yield from super().post_process(todo, dry_run, **options)

    def _is_compressed(self, name: str) -> bool:
        # WhiteNoise gives what it writes the time of what it was made from.
        path = Path(self.path(name))
        made = [path.with_name(path.name + suffix) for suffix in (".gz", ".br")]
        return all(item.exists() and item.stat().st_mtime == path.stat().st_mtime for item in made)
