"""`turnlog bench rebuild`: both read tables from the events, Turnlog and others side by side, each on equal files."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from rich.console import Console

from benchmarks import run
from benchmarks.database import fresh_database, name_of
from benchmarks.environment import environment
from benchmarks.filled import fill_database
from benchmarks.rebuilding import plan
from benchmarks.report import Report
from benchmarks.rounds import Results, run_rounds
from benchmarks.rows import Row
from benchmarks.server import Server
from benchmarks.showing.under_load import Showing, show
from benchmarks.subject import BenchmarkError, Case

NAMES: Final = plan.NAMES
EVENTS: Final = 1_000_000
QUICK_EVENTS: Final = 50_000

NOTES: Final = {
    "same_rows": "Every table that is made is compared with the live one, row by row, in all columns: a difference "
    "breaks its case. Each measurement has a fresh copy of the filled database's files.",
    "turnlog": "From the first look at the database until the swap, in a process of its own; it alone also compares "
    "all rows with the live ones (`compare`) and swaps.",
    "plain_sql": "INSERT ... SELECT of the events' JSON in one session, written for the eight kinds of events of this "
    "history, then the same indexes with the same memory, and VACUUM ANALYZE, as a rebuild does.",
    "library": "ProjectionRunner of eventsourcing, with Turnlog's decoding, projections and statements: a transaction "
    "for each event, on fewer events.",
    "catch_up": "The ordinary projection, page by page into tables with all their indexes, on fewer events.",
    "commits": "None of them waits for the disk at a commit (synchronous_commit=off); the server has fsync on.",
}
UNDER_LOAD_NOTE: Final = (
    "One service process, one that appends over sockets at the offered rate whether answers come or not, one with four "
    "readers that list conversations and messages over REST, and `turnlog rebuild all`. A read fails by its status, by "
    "5 s without an answer, by its shape, or when what had ended before is not there as it was."
)

SHOWING: Final = Showing(events=EVENTS, sockets=64, appends_per_s=1_000, seconds=10)
QUICK_SHOWING: Final = Showing(events=QUICK_EVENTS, sockets=8, appends_per_s=100, seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(run.Options):
    events: int | None = None
    """How many are stored."""
    under_load: bool = False
    """Show a rebuild beside appends and reads instead."""

    @property
    def scale(self) -> plan.Scale:
        return plan.scale_of(self.events or (QUICK_EVENTS if self.quick else EVENTS), quick=self.quick)

    @property
    def showing(self) -> Showing:
        usual = QUICK_SHOWING if self.quick else SHOWING
        return replace(usual, events=self.scale.events, seconds=self.seconds or usual.seconds)


def run_benchmark(options: Options) -> int:
    """Returns the exit status."""
    return run.run(options, _show if options.under_load else _measure)


async def _measure(server: Server, options: Options) -> Report:
    progress, scale = Console(stderr=True), options.scale
    facts = await environment(server, quick=options.quick)
    cases = plan.rebuild_cases(scale, options.only)
    with progress.status("preparing") as status:
        async with fresh_database(server.dsn) as template:
            await fill_database(template, scale.events, status.update)
            results = await run_rounds(
                server.dsn,
                cases,
                rounds=options.rounds,
                seconds=options.seconds_each,
                on_step=status.update,
                database_of=partial(_copy_of, server.dsn, template),
            )
    return Report(
        environment=[*facts, Row(name="environment.events", value=scale.events, unit="events")],
        cases=cases,
        comparisons=plan.rebuild_comparisons(scale),
        results=results,
        notes=_notes(options),
    )


async def _show(server: Server, options: Options) -> Report:
    progress, scale = Console(stderr=True), options.showing
    facts = await environment(server, quick=options.quick)
    results, found = Results(), list[Row]()
    with progress.status("preparing") as status:
        try:
            findings = await show(server.dsn, scale, status.update)
        except BenchmarkError as error:
            failure: str | None = str(error)
        else:
            found, failure = list(findings.rows()), findings.what_failed()
    notes = [run.QUICK_NOTE] if options.quick else []
    if failure is not None:
        results.broken["under_load"] = failure
        notes.append(Row(name="under_load", value=f"broke: {failure}"))
    offered = Row(name="environment.appends", value=scale.appends_per_s, unit="appends/s offered")
    return Report(
        environment=[*facts, Row(name="environment.events", value=scale.events, unit="events"), offered],
        cases=[],
        comparisons=[],
        results=results,
        facts=found,
        notes=[*notes, Row(name="note.under_load", value=UNDER_LOAD_NOTE)],
    )


def _copy_of(server_dsn: str, template: str, _case: Case) -> AbstractAsyncContextManager[str]:
    return fresh_database(server_dsn, name_of(template))


def _notes(options: Options) -> list[Row]:
    notes = [Row(name=f"note.{name}", value=text) for name, text in NOTES.items()]
    return [*notes, run.QUICK_NOTE] if options.quick else notes
