"""A rebuild as somebody at a terminal sees it: bar, comparison, what to do next, exit status."""

import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import anyio
import msgspec
import uvloop
from msgspec import Struct
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from app.operations.rebuild.rebuilding import Outcome, Wish, rebuild
from domain.errors import StoreUnavailable
from projections.rebuilding import Pace, RebuildRefused, RebuildState, RebuildStore, TableComparison

REFUSED: Final = 1
INTERRUPTED: Final = 130
PATIENCE_PAUSE_S: Final = 1.0

COLUMNS: Final = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[rate]}"),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


class Options(Struct, frozen=True, kw_only=True):
    """How a rebuild is run. A database that goes away is waited for so long after the last success."""

    wish: Wish
    pace: Pace
    patience_s: float
    as_json: bool


class CannotRebuild(Exception):
    """It was refused, or the database stayed away; the sentence says what to do."""


def run_rebuild(store: RebuildStore, options: Options) -> int:
    """Rebuild to the end, and say how it went. The exit status.

    Raises:
        CannotRebuild: the live tables are as they were.
    """
    try:
        with TerminalView() as view:
            outcome = uvloop.run(_until_done(store, options, view))
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Nothing that is read has changed; run the same command to go on.\n")
        return INTERRUPTED
    except RebuildRefused as error:
        raise CannotRebuild(str(error)) from error
    _report(outcome, as_json=options.as_json)
    return 0


def run_abandon(store: RebuildStore) -> str:
    """Drop what an unfinished rebuild has made. What was done, as a sentence. Raises CannotRebuild."""
    try:
        return uvloop.run(_abandon(store))
    except (RebuildRefused, StoreUnavailable) as error:
        raise CannotRebuild(str(error)) from error


async def _abandon(store: RebuildStore) -> str:
    async with store.session() as session:
        state = await session.state()
        if state is None:
            return "No rebuild is under way."
        await session.abandon()
        what = "The rollback" if state.is_rollback else f"The rebuild of {' and '.join(state.projections)}"
        return f"{what} is dropped. The live tables are as they were."


async def _until_done(store: RebuildStore, options: Options, view: "TerminalView") -> Outcome:
    """Through any time for which the database is away, as long as patience lasts."""
    view.progressed_at_s = anyio.current_time()
    while True:
        try:
            async with store.session() as session:
                return await rebuild(session, options.wish, view, options.pace)
        except StoreUnavailable:
            if anyio.current_time() - view.progressed_at_s > options.patience_s:
                raise CannotRebuild(
                    "The database is away. What was done is kept: run the same command to go on."
                ) from None
        view.waiting("The database is away; waiting for it.")
        await anyio.sleep(PATIENCE_PAUSE_S)


class TerminalView:
    """Implements `Watcher` on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(*COLUMNS, console=self._console, transient=True)
        self._task = self._progress.add_task("begin", total=None, rate="")
        self._name = ""
        self._first_done = 0
        self._began_at_s = 0.0
        self.progressed_at_s = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def going_on(self, state: RebuildState) -> None:
        """See `Watcher.going_on`."""
        self._say(
            f"Going on with the {'rollback' if state.is_rollback else 'rebuild'} of {' and '.join(state.projections)} "
            f"begun {state.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC."
        )

    def step(self, name: str, done: int, total: int | None) -> None:
        """See `Watcher.step`."""
        self.progressed_at_s = anyio.current_time()
        if name != self._name:
            self._name, self._first_done, self._began_at_s = name, done, self.progressed_at_s
            self._progress.reset(self._task, total=total, description=name, rate="")
        self._progress.update(self._task, completed=done, total=total, rate=self._rate(done))

    def compared(self, comparison: TableComparison) -> None:
        """See `Watcher.compared`."""
        if comparison.different_rows == 0:
            self._say(f"{comparison.projection}: {comparison.new_rows:,} rows, equal, hash {comparison.new_hash}")
        else:
            self._say(
                f"{comparison.projection}: {comparison.different_rows:,} of {comparison.new_rows:,} rows differ from "
                f"the {comparison.live_rows:,} live ones, first in conversation {comparison.first_difference}"
            )

    def waiting(self, reason: str) -> None:
        """See `Watcher.waiting`."""
        self._say(reason)

    def _rate(self, done: int) -> str:
        seconds = self.progressed_at_s - self._began_at_s
        is_counted_in_events = self._name in ("copy", "catch up")
        return f"{(done - self._first_done) / seconds:,.0f} events/s" if is_counted_in_events and seconds else ""

    def _say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _report(outcome: Outcome, *, as_json: bool) -> None:
    state = outcome.state
    if as_json:
        report = {
            "projections": state.projections,
            "version": state.version,
            "is_rollback": state.is_rollback,
            "seconds": (datetime.now(UTC) - state.started_at).total_seconds(),
            "comparisons": [asdict(comparison) for comparison in outcome.comparisons],
        }
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    names = " and ".join(f"conversation_{name}_v{state.version}" for name in state.projections)
    sys.stdout.write(f"Live now: {names}. To go back: turnlog rebuild --rollback\n")
