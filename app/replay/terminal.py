"""A run as somebody at a terminal sees it: bar, bad lines, summary, exit status."""

import sys
from pathlib import Path
from typing import Final, Self

import msgspec
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.replay.dialogues import BadLine, read_dialogues
from app.replay.options import Options
from app.replay.playback import play_all
from app.replay.summary import print_summary, summary_of
from app.replay.tally import Tally

DIFFERENT: Final = 1
NOTHING_TO_PLAY: Final = 1
INTERRUPTED: Final = 130

COLUMNS: Final = (
    TextColumn("conversations"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[rate]:,.0f} events/s, {task.fields[errors]} errors"),
    TimeElapsedColumn(),
)


def replay_file(path: Path, options: Options, limit: int | None, *, as_json: bool) -> int:
    """Play the file and print the summary. The exit status.

    Raises:
        NoService: there is nobody to play to.
    """
    tally = Tally()
    with path.open("rb") as lines, TerminalView(path, limit) as view:
        uvloop.run(play_all(options, read_dialogues(lines, limit), tally, view))
    summary = summary_of(tally)
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    else:
        print_summary(summary, Console())
    return _status(tally)


class TerminalView:
    """A progress bar, and the bad lines above it, on standard error."""

    def __init__(self, path: Path, limit: int | None) -> None:
        self._path = path
        self._progress = Progress(*COLUMNS, console=Console(stderr=True))
        self._task = self._progress.add_task("", total=_total(path, limit), rate=0.0, errors=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show_progress(self, tally: Tally) -> None:
        """Move the bar."""
        rate = tally.events / tally.elapsed_s
        self._progress.update(self._task, completed=tally.conversations, rate=rate, errors=tally.difference_count)

    def show_bad_line(self, line: BadLine) -> None:
        """Name it and say what is wrong with it."""
        text = f"{self._path}, line {line.number} skipped: {line.reason}"
        self._progress.console.print(text, markup=False, highlight=False)


def _status(tally: Tally) -> int:
    if tally.difference_count:
        return DIFFERENT
    if tally.is_stopped:
        return INTERRUPTED
    return 0 if tally.conversations else NOTHING_TO_PLAY


def _total(path: Path, limit: int | None) -> int:
    with path.open("rb") as lines:
        count = sum(1 for line in lines if line.strip())
    return count if limit is None else min(count, limit)
