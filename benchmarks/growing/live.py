"""Many conversations that live at the same time, in one process: each takes its turn, all of them stay at hand."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

import uvloop

from benchmarks.child import answer, ask_child, measurement_as_json, measurement_from_json
from benchmarks.closed_loop import Append, closed_loop
from benchmarks.measurement import Measurement
from benchmarks.sockets.processes import resident_bytes
from benchmarks.subject import Subject
from benchmarks.subjects.appender import prepare
from benchmarks.subjects.turnlog import caller, use_case

CALLERS: Final = 64
"""Each waits for its acknowledgement before it goes on with the next conversation."""


def subject() -> Subject:
    return Subject(name="live", callers_are="conversations", prepare=prepare, measure=_measure)


async def _measure(dsn: str, conversations: int, seconds: float) -> Measurement:
    """In a process of its own, whose memory is then that of this alone."""
    question = {"conversations": conversations, "seconds": seconds}
    return measurement_from_json(await ask_child(__name__, question, dsn))


async def _run(dsn: str, conversations: int, seconds: float) -> Measurement:
    async with use_case(dsn) as run_command:
        steps = [caller(run_command) for _ in range(conversations)]
        await asyncio.gather(*(_each_once(steps[first::CALLERS]) for first in range(CALLERS)))
        measured = await closed_loop([_in_turn(steps[first::CALLERS]) for first in range(CALLERS)], seconds)
        return replace(measured, process_bytes=resident_bytes(os.getpid()))


async def _each_once(steps: list[Append]) -> None:
    """The conversation is started."""
    for step in steps:
        while not await step():
            pass


def _in_turn(steps: list[Append]) -> Append:
    turns = cycle(steps)

    async def append() -> bool:
        return await next(turns)()

    return append


def main() -> None:
    """As the child."""
    question: dict[str, Any] = json.loads(sys.argv[1])
    measured = uvloop.run(_run(os.environ["DATABASE_URL"], question["conversations"], question["seconds"]))
    answer(measurement_as_json(measured))


if __name__ == "__main__":
    main()
