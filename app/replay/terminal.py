"""A run as somebody at a terminal sees it: bar, bad lines, summary, exit status."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.replay.dialogues import BadLine, read_dialogues
from app.replay.playback import Options, play_all
from app.replay.summary import print_summary, summary_of
from app.replay.tally import Tally

DIFFERENT: Final = 1
NOTHING_TO_PLAY: Final = 1
INTERRUPTED: Final = 130


def replay_file(path: Path, options: Options, limit: int | None, *, as_json: bool) -> int:
    """Play the file and print the summary. The exit status.

    Raises:
        NoService: there is nobody to play to.
    """
    tally, console = Tally(), Console(stderr=True)

    def tell(line: BadLine) -> None:
        console.print(f"{path}, line {line.number} skipped: {line.reason}", markup=False, highlight=False)

    with path.open("rb") as lines, _progress_bar(console, _total(path, limit)) as show:
        uvloop.run(play_all(options, read_dialogues(lines, limit), tally, tell, show))
    summary = summary_of(tally)
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    else:
        print_summary(summary, Console())
    return _status(tally)


def _status(tally: Tally) -> int:
    if tally.difference_count:
        return DIFFERENT
    if tally.is_interrupted:
        return INTERRUPTED
    return 0 if tally.conversations else NOTHING_TO_PLAY


def _total(path: Path, limit: int | None) -> int:
    with path.open("rb") as lines:
        count = sum(1 for line in lines if line.strip())
    return count if limit is None else min(count, limit)


@contextmanager
def _progress_bar(console: Console, total: int) -> Iterator[Callable[[Tally], None]]:
    """Shows the tally while the block runs."""
    columns = (
        TextColumn("conversations"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} events/s, {task.fields[errors]} errors"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total, rate=0.0, errors=0)

        def show(tally: Tally) -> None:
            rate = tally.events / tally.elapsed_s
            progress.update(task, completed=tally.conversations, rate=rate, errors=tally.difference_count)

        yield show
