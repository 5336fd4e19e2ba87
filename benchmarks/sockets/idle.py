"""What a socket that nobody uses costs the server: the growth of its resident set over many of them."""

import asyncio
from array import array
from dataclasses import replace
from typing import Final

from benchmarks.measurement import Measurement
from benchmarks.sockets.crowd import Crowd
from benchmarks.sockets.processes import resident_bytes
from benchmarks.sockets.stopwatch import Stopwatch

WARM_UP_SOCKETS: Final = 20
SETTLING_SECONDS: Final = 1.0


async def idle(crowd: Crowd, count: int) -> Measurement:
    """Each socket in a room of its own. Some come and go first, so that what is made once is not counted."""
    await crowd.open_rooms(count)
    for socket in await crowd.gather("talker", range(min(WARM_UP_SOCKETS, count))):
        socket.close()
    await asyncio.sleep(SETTLING_SECONDS)
    before_bytes = resident_bytes(crowd.server_process_id)
    watch = Stopwatch(crowd.server_process_id)
    sockets = await crowd.gather("talker", range(count))
    connected = watch.measurement(count, array("Q"))
    await asyncio.sleep(SETTLING_SECONDS)
    grown_bytes = resident_bytes(crowd.server_process_id) - before_bytes
    return replace(connected, socket_bytes=grown_bytes / len(sockets))
