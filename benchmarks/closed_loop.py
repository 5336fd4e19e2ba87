"""N callers, each waiting for its own acknowledgement before it sends again."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns
from typing import Final

from benchmarks.measurement import Measurement

NANOSECONDS_PER_SECOND: Final = 1_000_000_000
WARM_UP_SHARE: Final = 0.1

Append = Callable[[], Awaitable[bool]]
"""Stores one event and returns after its acknowledgement: False when it was refused."""


async def closed_loop(callers: Sequence[Append], seconds: float) -> Measurement:
    """A tenth of the time again goes into a warm-up that is not counted."""
    await run_callers(callers, seconds * WARM_UP_SHARE)
    return await run_callers(callers, seconds)


async def run_callers(callers: Sequence[Append], seconds: float) -> Measurement:
    """Without a warm-up."""
    latencies = array("Q")
    start_ns = perf_counter_ns()
    until_ns = start_ns + int(seconds * NANOSECONDS_PER_SECOND)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_caller(append, until_ns, latencies)) for append in callers]
    elapsed_ns = perf_counter_ns() - start_ns
    return Measurement(
        operations=len(latencies),
        seconds=elapsed_ns / NANOSECONDS_PER_SECOND,
        latencies_ns=latencies,
        refused=sum(task.result() for task in tasks),
    )


async def _caller(append: Append, until_ns: int, latencies: array[int]) -> int:
    """Returns how often it was refused. The array is shared: there is one event loop."""
    refused = 0
    now_ns = perf_counter_ns()
    while now_ns < until_ns:
        stored = await append()
        then_ns, now_ns = now_ns, perf_counter_ns()
        if stored:
            latencies.append(now_ns - then_ns)
        else:
            refused += 1
    return refused
