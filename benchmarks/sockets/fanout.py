"""One publisher, many listeners in one room. Every listener must get every message.

The publisher has a window of messages under way, the same for every server: it sends on when all deliveries of its
oldest message, in sum, have arrived. A server may put what waits for a listener into one write, at most a window of it;
with a window of one message it cannot.
"""

import asyncio
from array import array
from collections import deque
from contextlib import suppress
from time import perf_counter_ns
from typing import Final

from benchmarks.closed_loop import NANOSECONDS_PER_SECOND
from benchmarks.measurement import Measurement
from benchmarks.sockets import messages
from benchmarks.sockets.crowd import WARM_UP_SHARE, Crowd
from benchmarks.sockets.dialects import Dialect
from benchmarks.sockets.stopwatch import Stopwatch
from benchmarks.sockets.websocket import Socket
from benchmarks.subject import BenchmarkError

WINDOW_MESSAGES: Final = 8
PATIENCE_SECONDS: Final = 15.0


class Publisher:
    """A latency is the time from the sending of a message until all its deliveries, in sum, have arrived."""

    def __init__(self, dialect: Dialect, socket: Socket, listeners: int, window: int, *, is_durable: bool) -> None:
        self._message = messages.recorded_message if is_durable else dialect.publish
        self._socket = socket
        self.frames_per_listener = dialect.frames_per_stored_message if is_durable else 1
        self._frames_per_message = listeners * self.frames_per_listener
        self._window = window
        self._until_ns = 0
        self._sent_at_ns: deque[int] = deque()
        self._frames_until_next = 0
        self._all_arrived = asyncio.Event()
        self.sent = 0
        self.latencies_ns = array("Q")

    async def publish_for(self, seconds: float) -> None:
        """Until then, and until everything has arrived."""
        self._all_arrived.clear()
        self.latencies_ns = array("Q")
        self._frames_until_next = self._frames_per_message
        self._until_ns = perf_counter_ns() + int(seconds * NANOSECONDS_PER_SECOND)
        self._fill_window(perf_counter_ns())
        await self._all_arrived.wait()

    def take(self, frames: int) -> None:
        """So many have arrived at one of the listeners."""
        self._frames_until_next -= frames
        if self._frames_until_next <= 0:
            self._advance(perf_counter_ns())

    def _advance(self, now_ns: int) -> None:
        while self._frames_until_next <= 0 and self._sent_at_ns:
            self._frames_until_next += self._frames_per_message
            self.latencies_ns.append(now_ns - self._sent_at_ns.popleft())
        if now_ns < self._until_ns:
            self._fill_window(now_ns)
        elif not self._sent_at_ns:
            self._all_arrived.set()

    def _fill_window(self, now_ns: int) -> None:
        room = self._window - len(self._sent_at_ns)
        self._socket.send(*(self._message(self.sent + each) for each in range(room)))
        self._sent_at_ns.extend([now_ns] * room)
        self.sent += room


async def fanout(
    crowd: Crowd, count: int, seconds: float, *, window: int = WINDOW_MESSAGES, is_durable: bool = False
) -> Measurement:
    await crowd.open_rooms(1)
    listeners = await crowd.gather("listener", [0] * count)
    publisher = Publisher(crowd.dialect, await crowd.connect("publisher"), count, window, is_durable=is_durable)
    for listener in listeners:
        listener.frames = 0
        listener.on_frames = publisher.take
    measured: Measurement | None = None
    with suppress(TimeoutError):  # what has not arrived by then is lost, and counted below
        async with asyncio.timeout(2 * seconds + PATIENCE_SECONDS):
            measured = await _publish(publisher, crowd, count, seconds)
    _refuse_unless_complete(listeners, publisher.sent * publisher.frames_per_listener)
    if measured is None:
        raise BenchmarkError("everything arrived, but too late")
    return measured


async def _publish(publisher: Publisher, crowd: Crowd, listeners: int, seconds: float) -> Measurement:
    await publisher.publish_for(seconds * WARM_UP_SHARE)
    watch = Stopwatch(crowd.server_process_id)
    await publisher.publish_for(seconds)
    return watch.measurement(len(publisher.latencies_ns) * listeners, publisher.latencies_ns)


def _refuse_unless_complete(listeners: list[Socket], frames: int) -> None:
    apart = [listener.frames - frames for listener in listeners if listener.frames != frames]
    if apart:
        raise BenchmarkError(
            f"{len(apart)} of {len(listeners)} listeners did not get {frames} frames: {min(apart):+} to {max(apart):+}"
        )
