"""A load and the process that puts it on a server: started by the benchmark, told one JSON line, answering with one."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Final, Literal, assert_never

import uvloop

from benchmarks.child import answer, ask_child, measurement_as_json, measurement_from_json
from benchmarks.measurement import Measurement
from benchmarks.sockets.commands import closed, open_at_half_of_peak
from benchmarks.sockets.connecting import connecting
from benchmarks.sockets.crowd import Crowd
from benchmarks.sockets.dialects import DIALECTS
from benchmarks.sockets.fanout import WINDOW_MESSAGES, fanout
from benchmarks.sockets.idle import idle
from benchmarks.subject import BenchmarkError

Scenario = Literal["command", "open_loop", "fanout", "single_fanout", "durable_fanout", "idle", "connections"]

PATIENCE_SECONDS: Final = 120.0
PATIENCE_FACTOR: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    scenario: Scenario
    dialect: str
    sockets: int
    seconds: float
    port: int
    server_process_id: int


async def generate(load: Load) -> Measurement:
    """In a process of its own, which has nothing else to do."""
    return measurement_from_json(await ask_child(__name__, asdict(load)))


async def _run(load: Load) -> Measurement:
    """What goes wrong with any of the sockets ends all of it; so does a server that says nothing more."""
    trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    crowd = Crowd(DIALECTS[load.dialect](), load.port, load.server_process_id, trouble)
    running = asyncio.create_task(_scenario(load, crowd))
    until_seconds = PATIENCE_SECONDS + PATIENCE_FACTOR * load.seconds
    await asyncio.wait((running, trouble), timeout=until_seconds, return_when=asyncio.FIRST_COMPLETED)
    if trouble.done():
        trouble.result()
    if not running.done():
        raise BenchmarkError(f"not done within {until_seconds:g} s")
    return running.result()


async def _scenario(load: Load, crowd: Crowd) -> Measurement:
    match load.scenario:
        case "command":
            return await closed(crowd, load.sockets, load.seconds)
        case "open_loop":
            return await open_at_half_of_peak(crowd, load.sockets, load.seconds)
        case "fanout" | "single_fanout" | "durable_fanout":
            window = 1 if load.scenario == "single_fanout" else WINDOW_MESSAGES
            is_durable = load.scenario == "durable_fanout"
            return await fanout(crowd, load.sockets, load.seconds, window=window, is_durable=is_durable)
        case "idle":
            return await idle(crowd, load.sockets)
        case "connections":
            return await connecting(crowd, load.sockets, load.seconds)
        case _:
            assert_never(load.scenario)


def main() -> None:
    load = Load(**json.loads(sys.argv[1]))
    try:
        measured = uvloop.run(_run(load))
    except (BenchmarkError, OSError) as error:
        sys.exit(str(error))
    answer(measurement_as_json(measured))


if __name__ == "__main__":
    main()
