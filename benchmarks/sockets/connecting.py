"""Sockets that come, get ready and go again."""

from benchmarks.closed_loop import Append, closed_loop
from benchmarks.measurement import Measurement
from benchmarks.sockets.crowd import Crowd


async def connecting(crowd: Crowd, at_a_time: int, seconds: float) -> Measurement:
    """So many at a time, each in a room of its own, closed as soon as they are ready."""
    await crowd.open_rooms(at_a_time)
    return await closed_loop([_visitor(crowd, room) for room in range(at_a_time)], seconds)


def _visitor(crowd: Crowd, room: int) -> Append:
    async def visit() -> bool:
        socket = await crowd.connect("talker", room)
        socket.close()
        return True

    return visit
