"""Progress output of a load: a progress bar on a terminal, a line per step elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@dataclass
class Steps:
    """Progress output and durations of the steps of a load.

    Attributes:
        stream: output stream; standard error by default, because standard output is for results.
        seconds: duration by step, in the order in which the steps ran.
        quiet: True for no output.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Print one line."""
        Console(file=self.stream, quiet=self.quiet).print(f"  {text}", highlight=False, markup=False)

    @contextmanager
    def step(self, name: str, total: int | None = None) -> "Iterator[Step]":
        """Show and time a step of `total` units (None: unknown)."""
        started = time.monotonic()
        console = Console(file=self.stream, quiet=self.quiet)
        if console.is_terminal and not self.quiet:
            columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=console, transient=True) as bar:
                task = bar.add_task(name, total=total)
                yield Step(
                    lambda amount: bar.update(task, advance=amount),
                    lambda value: bar.update(task, total=value),
                    lambda value: bar.update(task, completed=value),
                )
        else:
            yield Step(_ignore, _ignore, _ignore)
        duration = time.monotonic() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + duration
        console.print(f"  {name:<12} {duration:6.1f} s", highlight=False)


def _ignore(amount: int) -> None:
    """Do nothing: callback where there is no progress bar."""


@dataclass(frozen=True)
class Step:
    """A running step."""

    _advance: Callable[[int], None]
    _set_total: Callable[[int], None]
    _set_done: Callable[[int], None]

    def advance(self, amount: int = 1) -> None:
        """Add completed units."""
        self._advance(amount)

    def set_total(self, total: int) -> None:
        """Set the total of units once it is known."""
        self._set_total(total)

    def set_done(self, done: int) -> None:
        """Set the number of completed units; it may decrease, as when a download starts again."""
        self._set_done(done)
