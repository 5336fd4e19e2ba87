"""`turnlog bench append`: durable appends, Turnlog and its peers side by side on one Postgres in one run."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
import uvloop
from rich.console import Console

from benchmarks.environment import environment
from benchmarks.plan import COMPARISONS, OPTION_B_NOTE, SUBJECT_NAMES, append_cases, append_subjects
from benchmarks.report import Report
from benchmarks.rounds import run_rounds
from benchmarks.rows import Row
from benchmarks.server import Server, server_for_run
from benchmarks.subject import Case
from benchmarks.table import print_table

__all__ = ["SUBJECT_NAMES", "Options", "run_append"]

ROUNDS: Final = 3
SECONDS_EACH: Final = 2.0
QUICK_ROUNDS: Final = 1
QUICK_SECONDS_EACH: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    as_json: bool
    quick: bool
    seconds: float | None
    """Of one measurement of one case in one round."""
    only: tuple[str, ...]
    """Names of subjects; empty is all of them."""


def run_append(options: Options) -> int:
    """Returns the exit status: 1 when something broke. A goal that is not met is printed, it is no failure."""
    logs_to_stderr()
    with server_for_run() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(_measure(server, options))
    if options.as_json:
        for row in report.rows():
            sys.stdout.write(row.json_line() + "\n")
    else:
        print_table(report)
    return 1 if report.results.broken else 0


def logs_to_stderr() -> None:
    """Standard output belongs to the report."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _measure(server: Server, options: Options) -> Report:
    """The peers are installed first: a download must not run beside a measurement."""
    progress = Console(stderr=True)
    facts = await environment(server, quick=options.quick)
    with progress.status("looking for the peers; the first time some are installed") as status:
        cases = append_cases(append_subjects(server.bin_dir, options.only))
        results = await run_rounds(
            server.dsn,
            [case for case in cases if case.subject.missing is None],
            rounds=QUICK_ROUNDS if options.quick else ROUNDS,
            seconds=options.seconds or (QUICK_SECONDS_EACH if options.quick else SECONDS_EACH),
            on_step=status.update,
        )
    return Report(
        environment=facts, cases=cases, comparisons=COMPARISONS, results=results, notes=_notes(options, cases)
    )


def _notes(options: Options, cases: Sequence[Case]) -> list[Row]:
    notes = []
    if any(case.subject.name == "option_b" for case in cases):
        notes.append(Row(name="note.option_b", value=OPTION_B_NOTE))
    if options.quick:
        notes.append(
            Row(name="note.quick", value="A quick run shows the shape of the report; its figures mean nothing.")
        )
    return notes
