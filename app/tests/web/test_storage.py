"""Compression of static files by collectstatic: once, and again after a change."""

import gzip
import os
from pathlib import Path
from typing import Any

from django.core.management import call_command


def test_static_file_is_compressed_again_only_after_a_change(tmp_path: Path, settings: Any) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [source], target
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    for name in ("same.css", "other.css"):
        (source / name).write_text("body { color: black }\n" * 100, encoding="ascii")
    call_command("collectstatic", "--noinput", verbosity=0)
    made = sorted(path.name for path in target.iterdir())
    assert made == [name + suffix for name in ("other.css", "same.css") for suffix in ("", ".br", ".gz")]

    # The marker shows whether the file is compressed again.
    (target / "same.css.gz").write_bytes(b"kept")
    os.utime(target / "same.css.gz", ns=(0, (target / "same.css").stat().st_mtime_ns))
    (source / "other.css").write_text("body { color: white }\n" * 100, encoding="ascii")
    later = (target / "other.css").stat().st_mtime + 10
    os.utime(source / "other.css", (later, later))
    call_command("collectstatic", "--noinput", verbosity=0)
    assert (target / "same.css.gz").read_bytes() == b"kept"
    assert gzip.decompress((target / "other.css.gz").read_bytes()) == (source / "other.css").read_bytes()

    (target / "same.css.br").unlink()
    call_command("collectstatic", "--noinput", verbosity=0)
    assert gzip.decompress((target / "same.css.gz").read_bytes()) == (source / "same.css").read_bytes()
