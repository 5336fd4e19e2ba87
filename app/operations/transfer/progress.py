"""How far a command has come, on standard error: a bar where somebody looks, silence where nobody does."""

import sys
from time import monotonic
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_INTERVAL_S: Final = 0.1
_COLUMNS: Final = (
    TextColumn("{task.description}"),
    BarColumn(),
    TaskProgressColumn(),
    TextColumn("{task.fields[what]}"),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


class TransferProgress:
    """One line. `is_shared` says that standard output is the same terminal, whose lines a bar would break."""

    def __init__(self, description: str, unit: str, *, is_shared: bool = False) -> None:
        self._unit = unit
        self._count = self._done = 0
        self._total: int | None = None
        self._next_at_s = 0.0
        self._progress = Progress(*_COLUMNS, console=Console(stderr=True), disable=is_shared)
        self._task = self._progress.add_task(description, total=None, what="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._show()
        self._progress.stop()

    def say(self, line: str) -> None:
        """A line that stays, above the bar."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def begin(self, description: str, total: int | None = None) -> None:
        """A part of the work, which counts from nothing again."""
        self._count = self._done = 0
        self._total = total
        self._next_at_s = 0.0
        self._progress.reset(self._task, description=description, total=total, what="")

    def advance(self, count: int, done: int | None = None, total: int | None = None) -> None:
        """So many more. `done` of `total` is how far that is, where they are no counts."""
        self._count += count
        self._done = self._count if done is None else done
        self._total = self._total if total is None else total
        if monotonic() >= self._next_at_s:
            self._next_at_s = monotonic() + _INTERVAL_S
            self._show()

    def _show(self) -> None:
        elapsed_s = self._progress.tasks[0].elapsed or 0.0
        rate = f" ({self._count / elapsed_s:,.0f}/s)" if elapsed_s > 1 else ""
        what = f"{self._count:,} {self._unit}{rate}"
        self._progress.update(self._task, completed=self._done, total=self._total, what=what)


def is_output_a_terminal() -> bool:
    """Whether standard output goes where the bar goes."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def tell(sentence: str) -> None:
    """On standard error, where it never stands among what is exported."""
    sys.stderr.write(f"{sentence}\n")
