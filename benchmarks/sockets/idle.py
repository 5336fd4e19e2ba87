"""What a socket that nobody uses costs the server: the growth of its resident set over many of them."""

import asyncio
import subprocess
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.measurement import Measurement
from benchmarks.sockets.crowd import Crowd
from benchmarks.sockets.stopwatch import Stopwatch

WARM_UP_SOCKETS: Final = 20
SETTLING_SECONDS: Final = 1.0
KIBIBYTE: Final = 1_024


async def idle(crowd: Crowd, count: int, server_process_id: int) -> Measurement:
    """Each socket in a room of its own. Some come and go first, so that what is made once is not counted."""
    await crowd.open_rooms(count)
    for socket in await crowd.gather("talker", range(min(WARM_UP_SOCKETS, count))):
        socket.close()
    await asyncio.sleep(SETTLING_SECONDS)
    before_bytes = resident_bytes(server_process_id)
    watch = Stopwatch()
    sockets = await crowd.gather("talker", range(count))
    connected = watch.measurement(count, array("Q"))
    await asyncio.sleep(SETTLING_SECONDS)
    grown_bytes = resident_bytes(server_process_id) - before_bytes
    return replace(connected, socket_bytes=grown_bytes / len(sockets))


def resident_bytes(process_id: int) -> int:
    """Of one process, without its children."""
    status = Path(f"/proc/{process_id}/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * KIBIBYTE
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process_id)], capture_output=True, text=True, check=True)
    return int(told.stdout) * KIBIBYTE
