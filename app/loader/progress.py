"""Progress that a person can follow: a bar on a terminal, a line per step elsewhere."""

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
    """Tells how far the work is, and keeps how long each step took.

    Attributes:
        stream: where to; standard error by default, so that standard output stays for results.
        seconds: by step, in the order in which they ran.
        quiet: True tells nothing.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Tell one line."""
        Console(file=self.stream, quiet=self.quiet).print(f"  {text}", highlight=False, markup=False)

    @contextmanager
    def step(self, name: str, total: int | None = None) -> "Iterator[Step]":
        """Run a step of `total` units; None where nobody knows how many."""
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
        took = time.monotonic() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + took
        console.print(f"  {name:<12} {took:6.1f} s", highlight=False)


def _ignore(amount: int) -> None:
    """Stand in for the bar where there is none."""


@dataclass(frozen=True)
class Step:
    """One step under way."""

    _advance: Callable[[int], None]
    _set_total: Callable[[int], None]
    _set_done: Callable[[int], None]

    def advance(self, amount: int = 1) -> None:
        """Say that so many more units are done."""
        self._advance(amount)

    def set_total(self, total: int) -> None:
        """Say how many units there are once that is known."""
        self._set_total(total)

    def set_done(self, done: int) -> None:
        """Say how many units are done in all, where that can go back."""
        self._set_done(done)
