"""`turnlog bench growth`: the same work on an empty store and on a large one, a short conversation and a long one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from rich.console import Console

from benchmarks import run
from benchmarks.database import fresh_database
from benchmarks.environment import environment
from benchmarks.filled import fill_database
from benchmarks.growing import plan
from benchmarks.growing.loads import short_conversations
from benchmarks.growing.sizes import sizes
from benchmarks.report import Report
from benchmarks.rounds import run_rounds
from benchmarks.rows import Row
from benchmarks.server import Server
from benchmarks.subject import Case

NAMES: Final = plan.NAMES
CONVERSATIONS: Final = 10
"""Short ones that are loaded in turns, and long ones."""

NOTES: Final = {
    "stores": "The large store and the empty one stand side by side on one server and are measured in turns. The empty "
    "one is made anew each time; the large one is filled once and grows by what is appended.",
    "load": "By the real use case, with nothing of the conversation in memory; the long ones end half way between two "
    "snapshots. `load_long_replayed` is without snapshots: all events are read and folded.",
    "live": "Commands to so many conversations in turn, 64 at a time, in a process of its own, whose memory is told.",
    "read": "`list` and `search` are requests over REST to a service on the large store, one after the other.",
    "size": "Bytes on disk for each event of the large store, tables with what they keep beside themselves.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(run.Options):
    events: int | None = None
    """How many are stored."""

    @property
    def scale(self) -> plan.Scale:
        usual = plan.QUICK if self.quick else plan.FULL
        return replace(usual, events=self.events or usual.events)


def run_benchmark(options: Options) -> int:
    """Returns the exit status."""
    return run.run(options, _measure)


async def _measure(server: Server, options: Options) -> Report:
    progress, scale = Console(stderr=True), options.scale
    facts = await environment(server, quick=options.quick)
    with progress.status("preparing") as status:
        async with fresh_database(server.dsn) as filled:
            long = await fill_database(
                filled,
                scale.events,
                status.update,
                long_conversations=CONVERSATIONS,
                long_events=scale.long_events,
            )
            found = await sizes(filled)
            cases = plan.growth_cases(scale, await short_conversations(filled, CONVERSATIONS), long, options.only)
            results = await run_rounds(
                server.dsn,
                cases,
                rounds=options.rounds,
                seconds=options.seconds_each,
                on_step=status.update,
                database_of=partial(_database_of, server.dsn, filled),
            )
    return Report(
        environment=[*facts, Row(name="environment.events", value=scale.events, unit="events")],
        cases=cases,
        comparisons=plan.growth_comparisons(scale),
        results=results,
        facts=found,
        notes=_notes(options),
    )


@asynccontextmanager
async def _database_of(server_dsn: str, filled: str, case: Case) -> AsyncIterator[str]:
    if case.subject.name in plan.FILLED:
        yield filled
        return
    async with fresh_database(server_dsn) as empty:
        yield empty


def _notes(options: Options) -> list[Row]:
    notes = [Row(name=f"note.{name}", value=text) for name, text in NOTES.items()]
    return [*notes, run.QUICK_NOTE] if options.quick else notes
