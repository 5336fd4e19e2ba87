"""`turnlog bench append`: durable appends, Turnlog and its peers side by side on one Postgres in one run."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console

from benchmarks import run
from benchmarks.environment import environment
from benchmarks.payload import STATE
from benchmarks.plan import COMPARISONS, OPTION_B_NOTE, SUBJECT_NAMES, append_cases, append_subjects
from benchmarks.report import Report
from benchmarks.rounds import run_rounds
from benchmarks.rows import Row
from benchmarks.run import Options
from benchmarks.server import Server
from benchmarks.subject import Case

NAMES: Final = SUBJECT_NAMES


def run_benchmark(options: Options) -> int:
    """Returns the exit status."""
    return run.run(options, _measure)


async def _measure(server: Server, options: Options) -> Report:
    """The peers are installed first: a download must not run beside a measurement."""
    progress = Console(stderr=True)
    facts = await environment(server, quick=options.quick)
    with progress.status("looking for the peers; the first time some are installed") as status:
        cases = append_cases(append_subjects(server.bin_dir, options.only))
        results = await run_rounds(
            server.dsn,
            [case for case in cases if case.subject.missing is None],
            rounds=options.rounds,
            seconds=options.seconds_each,
            on_step=status.update,
        )
    return Report(
        environment=[*facts, Row(name="environment.event", value=len(STATE), unit="bytes")],
        cases=cases,
        comparisons=COMPARISONS,
        results=results,
        notes=_notes(options, cases),
    )


def _notes(options: Options, cases: Sequence[Case]) -> list[Row]:
    notes = []
    if any(case.subject.name == "option_b" for case in cases):
        notes.append(Row(name="note.option_b", value=OPTION_B_NOTE))
    if options.quick:
        notes.append(run.QUICK_NOTE)
    return notes
