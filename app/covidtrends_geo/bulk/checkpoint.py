"""Checkpoints of an output file, from which an interrupted run resumes.

The output is written to `OUT.part` and gets its name when it is complete. `OUT.part.json` says how far it is: up to which byte
of the input, with the checksum of these bytes, and how long the output was then. Output after that point is truncated.
"""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from covidtrends_geo.bulk.text_source import InputInvalid

_INTERVAL_S = 1.0


class Output:
    """Output file or stream, with checkpoints where it is a file.

    Attributes:
        counts: of all answers that are written: `work.Written.counts`.
        lines: lines of the input up to the checkpoint.
    """

    def __init__(self, target: IO[bytes], journal: Path | None, signature: dict[str, Any]) -> None:
        self._target, self._journal, self._signature = target, journal, signature
        self._digest = hashlib.sha256()
        self._offset = self.lines = self.written = 0
        self._saved = time.monotonic()
        self.counts: Counter[int] = Counter()

    def resume(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Return the chunks after the checkpoint; all, where there is none.

        Raises: InputInvalid if the checkpoint is of another input, other options or another lookup file.
        """
        state = self._state()
        if state is None:
            if self._journal is not None:
                self._target.truncate(0)
            return chunks
        if state["signature"] != self._signature:
            differ = [name for name, value in self._signature.items() if state["signature"].get(name) != value]
            raise InputInvalid(f"The output cannot be resumed: {', '.join(differ)} differ. Run it without --resume.")
        offset = state["offset"]
        for chunk in chunks:
            if not offset:
                break
            self._digest.update(chunk[:offset])
            rest, offset = chunk[offset:], max(offset - len(chunk), 0)
            if not offset:
                if self._digest.hexdigest() != state["sha256"]:
                    break
                self._offset, self.lines = state["offset"], state["lines"]
                self.counts = Counter({int(number): count for number, count in state["counts"].items()})
                self.written = state["written"]
                self._target.truncate(self.written)
                self._target.seek(self.written)
                return _chained(rest, chunks)
        raise InputInvalid("The output cannot be resumed: the input is another one. Run it without --resume.")

    def _state(self) -> dict[str, Any] | None:
        if self._journal is None or not self._journal.exists():
            return None
        try:
            state: dict[str, Any] = json.loads(self._journal.read_text(encoding="utf-8"))
        except ValueError:
            return None
        return state if os.fstat(self._target.fileno()).st_size >= state["written"] and state["offset"] else None

    def write(self, output: bytes, chunk: bytes = b"", *, counts: Counter[int] | None = None, lines: int = 0) -> None:
        """Write the output for a chunk of the input; at most once a second, note a checkpoint."""
        self._target.write(output)
        self.written += len(output)
        self.counts.update(counts or {})
        self.lines += lines
        if self._journal is not None and chunk:
            self._digest.update(chunk)
            self._offset += len(chunk)
            if time.monotonic() - self._saved >= _INTERVAL_S:
                self.save()

    def save(self) -> None:
        """Write a checkpoint, after the output that it refers to is on disk."""
        self._target.flush()
        if self._journal is None or not self._offset:
            return
        os.fsync(self._target.fileno())
        state = {
            "signature": self._signature,
            "offset": self._offset,
            "sha256": self._digest.hexdigest(),
            "written": self.written,
            "lines": self.lines,
            "counts": dict(self.counts),
        }
        fresh = self._journal.with_name(f"{self._journal.name}.new")
        fresh.write_text(json.dumps(state), encoding="utf-8")
        fresh.replace(self._journal)
        self._saved = time.monotonic()


def _chained(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks


@contextmanager
def open_output(path: Path, signature: dict[str, Any], *, resume: bool) -> Iterator[Output]:
    """Yield the output of a file, which gets its name when the block ends without an error.

    After an error, the output and the last checkpoint stay; without a checkpoint nothing stays.
    """
    part, journal = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
    if not (resume and part.exists()):
        journal.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
    with part.open("r+b" if part.exists() else "w+b") as target:
        output = Output(target, journal, signature)
        try:
            yield output
        except BaseException:
            output.save()
            if not journal.exists():
                part.unlink()
            raise
        target.flush()
        os.fsync(target.fileno())
    part.replace(path)
    journal.unlink(missing_ok=True)
