"""Turnlog's rebuild in a process of its own, from the first look at the database until the swap."""

import asyncio
import os
from array import array
from time import perf_counter
from typing import Any

import uvloop
from msgspec import to_builtins

from adapters.postgres.rebuild.store import PostgresRebuildStore
from adapters.postgres.rebuild.worker import spare_the_collector
from app.operations.rebuild.rebuilding import Outcome, Wish, rebuild
from benchmarks.child import answer, ask_child
from benchmarks.measurement import Measurement
from benchmarks.subject import BenchmarkError, Subject
from projections.rebuilding import Pace, RebuildState, TableComparison
from projections.registry import BY_NAME

JOBS = min(4, len(os.sched_getaffinity(0)))
"""As many processes as the command takes by itself."""


def subject() -> Subject:
    """It also compares all rows with those that are live, holds these, and swaps; no peer does."""

    async def prepare(_dsn: str) -> None:
        """The database is filled, and its rows are there."""

    return Subject(name="turnlog", callers_are="events", prepare=prepare, measure=_measure, unit="events/s")


async def rebuild_in_a_process(dsn: str) -> dict[str, Any]:
    """`seconds`, the seconds of each of the `parts`, and the `comparisons` with the tables that were live."""
    told: dict[str, Any] = await ask_child(__name__, {}, dsn)
    return told


async def _measure(dsn: str, events: int, _seconds: float) -> Measurement:
    told = await rebuild_in_a_process(dsn)
    for comparison in told["comparisons"]:
        if comparison["different_rows"]:
            raise BenchmarkError(f"{comparison['different_rows']} rows of {comparison['projection']} differ")
    return Measurement(operations=events, seconds=told["seconds"], latencies_ns=array("Q"), parts=told["parts"])


class PartTimes:
    """Implements `Watcher`: how long each part has taken. What is done twice is added up."""

    def __init__(self) -> None:
        self.seconds = {"begin": 0.0}
        self._part = "begin"
        self._since_s = perf_counter()

    def going_on(self, state: RebuildState) -> None:
        """See `Watcher.going_on`."""
        raise BenchmarkError(f"a rebuild to version {state.version} is under way")

    def step(self, name: str, done: int, total: int | None) -> None:  # noqa: ARG002 - times are all that counts
        """See `Watcher.step`."""
        now_s = perf_counter()
        self.seconds[self._part] += now_s - self._since_s
        self._part, self._since_s = "catch_up" if name == "catch up" else name.partition(" ")[0], now_s
        self.seconds.setdefault(self._part, 0.0)

    def compared(self, comparison: TableComparison) -> None:
        """See `Watcher.compared`."""

    def waiting(self, reason: str) -> None:
        """See `Watcher.waiting`."""
        raise BenchmarkError(reason)


async def _rebuild(dsn: str) -> dict[str, Any]:
    times, began_s = PartTimes(), perf_counter()
    async with PostgresRebuildStore(dsn).session() as session:
        outcome: Outcome = await rebuild(session, Wish(projections=tuple(BY_NAME)), times, Pace(jobs=JOBS))
    seconds = perf_counter() - began_s
    times.step("end", 0, None)
    del times.seconds["end"]
    return {"seconds": seconds, "parts": times.seconds, "comparisons": to_builtins(outcome.comparisons)}


def main() -> None:
    """As `turnlog rebuild all` does it, without the bar."""
    spare_the_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answer(runner.run(_rebuild(os.environ["DATABASE_URL"])))


if __name__ == "__main__":
    main()
