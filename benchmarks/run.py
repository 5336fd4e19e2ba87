"""What every benchmark's run has in common: a Postgres, an event loop, a report and an exit status."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
import uvloop

from benchmarks.report import Report
from benchmarks.rows import Row
from benchmarks.server import Server, server_for_run
from benchmarks.table import print_table

ROUNDS: Final = 3
SECONDS_EACH: Final = 2.0
QUICK_ROUNDS: Final = 1
QUICK_SECONDS_EACH: Final = 0.25
QUICK_NOTE: Final = Row(name="note.quick", value="A quick run shows the shape of the report; its figures mean nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    as_json: bool
    quick: bool
    seconds: float | None
    """Of one measurement of one case in one round."""
    only: tuple[str, ...]
    """Names of what is to be measured; empty is all."""

    @property
    def rounds(self) -> int:
        return QUICK_ROUNDS if self.quick else ROUNDS

    @property
    def seconds_each(self) -> float:
        return self.seconds or (QUICK_SECONDS_EACH if self.quick else SECONDS_EACH)


AnyOptions = TypeVar("AnyOptions", bound=Options)


def run(options: AnyOptions, measure: Callable[[Server, AnyOptions], Coroutine[Any, Any, Report]]) -> int:
    """Returns the exit status: 1 when something broke. A goal that is not met is printed, it is no failure."""
    _logs_to_stderr()
    with server_for_run() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(measure(server, options))
    if options.as_json:
        for row in report.rows():
            sys.stdout.write(row.json_line() + "\n")
    else:
        print_table(report)
    return 1 if report.results.broken else 0


def _logs_to_stderr() -> None:
    """Standard output belongs to the report."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
