"""Runs the cases in turns: A B C, A B C, A B C. A slow minute of the machine hits everybody."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from benchmarks.database import checkpoint, fresh_database
from benchmarks.measurement import Measurement
from benchmarks.subject import Case

OnStep = Callable[[str], None]
"""Told the title of each case before it is measured."""

DatabaseOf = Callable[[Case], AbstractAsyncContextManager[str]]
"""Gives the DSN of the database that a measurement of the case may use."""


@dataclass(slots=True)
class Results:
    rounds: dict[str, list[Measurement]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Case → why. Its earlier rounds are forgotten, so that no ratio is built on half of it."""


async def run_rounds(
    server_dsn: str,
    cases: Sequence[Case],
    *,
    rounds: int,
    seconds: float,
    on_step: OnStep,
    database_of: DatabaseOf | None = None,
) -> Results:
    """Cases whose subject is missing must not be among `cases`. Without `database_of` each gets an empty database."""
    results = Results()
    opened = database_of or (lambda _case: fresh_database(server_dsn))
    for _ in range(rounds):
        for case in cases:
            on_step(case.title)
            if case.name not in results.broken:
                await _run_one(server_dsn, opened, case, seconds, results)
    return results


async def _run_one(server_dsn: str, opened: DatabaseOf, case: Case, seconds: float, results: Results) -> None:
    try:
        measurement = await _measure(server_dsn, opened, case, seconds)
    except Exception as error:  # noqa: BLE001 - whatever broke in one peer, the others' figures are still wanted
        results.broken[case.name] = f"{type(error).__name__}: {error}"
        results.rounds.pop(case.name, None)
    else:
        results.rounds.setdefault(case.name, []).append(measurement)


async def _measure(server_dsn: str, opened: DatabaseOf, case: Case, seconds: float) -> Measurement:
    async with opened(case) as dsn:
        await case.subject.prepare(dsn)
        await checkpoint(server_dsn)
        return await case.subject.measure(dsn, case.callers, seconds)
