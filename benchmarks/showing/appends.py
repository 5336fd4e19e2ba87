"""Commands over sockets at a steady rate, whether answers come or not; each is decided, stored and acknowledged."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from time import perf_counter_ns
from typing import Any

import uvloop

from benchmarks.child import has_begun, tell, until_told_to_finish
from benchmarks.showing.samples import Samples
from benchmarks.sockets.commands import Caller, callers_of, offer
from benchmarks.sockets.crowd import Crowd
from benchmarks.sockets.dialects import Turnlog
from benchmarks.subject import BenchmarkError


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyLoad:
    sockets: int
    """Each in a conversation of its own."""
    rate_per_second: float
    port: int
    server_process_id: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def _run(load: SteadyLoad) -> Samples:
    """A command that is refused, or a socket that is closed, ends all of it."""
    trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    crowd = Crowd(Turnlog(), load.port, load.server_process_id, trouble)
    running = asyncio.create_task(_append(crowd, load))
    await asyncio.wait((running, trouble), return_when=asyncio.FIRST_COMPLETED)
    if trouble.done():
        trouble.result()
    return running.result()


async def _append(crowd: Crowd, load: SteadyLoad) -> Samples:
    samples = Samples()

    def take(_caller: Caller, latency_ns: int) -> None:
        samples.add(perf_counter_ns(), latency_ns)

    callers = await callers_of(crowd, load.sockets)
    for caller in callers:
        caller.on_answer = take
    finish = asyncio.create_task(until_told_to_finish())
    has_begun()
    await offer(callers, load.rate_per_second, lambda _due_ns: finish.done())
    return samples


def main() -> None:
    """Until the input ends."""
    load = SteadyLoad(**json.loads(sys.argv[1]))
    try:
        samples = uvloop.run(_run(load))
    except (BenchmarkError, OSError) as error:
        sys.exit(str(error))
    tell(samples.as_json())


if __name__ == "__main__":
    main()
