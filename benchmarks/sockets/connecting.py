"""Sockets that come, get ready and go again."""

from benchmarks.closed_loop import Append, run_callers
from benchmarks.measurement import Measurement
from benchmarks.sockets.crowd import WARM_UP_SHARE, Crowd
from benchmarks.sockets.stopwatch import Stopwatch


async def connecting(crowd: Crowd, at_a_time: int, seconds: float) -> Measurement:
    """So many at a time, each in a room of its own, closed as soon as they are ready."""
    await crowd.open_rooms(at_a_time)
    visitors = [_visitor(crowd, room) for room in range(at_a_time)]
    await run_callers(visitors, seconds * WARM_UP_SHARE)
    watch = Stopwatch(crowd.server_process_id)
    visits = await run_callers(visitors, seconds)
    return watch.measurement(visits.operations, visits.latencies_ns)


def _visitor(crowd: Crowd, room: int) -> Append:
    async def visit() -> bool:
        socket = await crowd.connect("talker", room)
        socket.close()
        return True

    return visit
