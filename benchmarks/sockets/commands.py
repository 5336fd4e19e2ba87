"""Sockets that ask and are answered: each waits for its answer, or they ask at a given rate whatever comes back."""

from __future__ import annotations

import asyncio
import random
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle
from time import perf_counter_ns
from typing import Final

from benchmarks.closed_loop import NANOSECONDS_PER_SECOND
from benchmarks.measurement import Measurement
from benchmarks.sockets.crowd import WARM_UP_SHARE, Crowd, eventually
from benchmarks.sockets.dialects import Dialect
from benchmarks.sockets.stopwatch import Stopwatch
from benchmarks.sockets.websocket import Socket
from benchmarks.subject import BenchmarkError

TICK_SECONDS: Final = 0.001
PATIENCE_SECONDS: Final = 15.0
SHARE_OF_PEAK: Final = 0.5


class Caller:
    """A socket that asks; `on_answer` is told how long after its intended moment each question was answered."""

    def __init__(self, dialect: Dialect, socket: Socket, listener: Socket | None) -> None:
        self.on_answer: Callable[[Caller, int], None] = lambda _caller, _latency_ns: None
        self._dialect = dialect
        self._socket = socket
        self._listener = listener
        self._asked = 0
        self._intended_ns: deque[int] = deque()
        self._last_answer = b""
        socket.on_text = self._take

    @property
    def is_waiting(self) -> bool:
        return bool(self._intended_ns)

    def is_heard(self) -> bool:
        """Whether its listener has got everything that was answered."""
        return self._listener is None or self._dialect.is_heard(self._last_answer, self._listener.last_text)

    def ask(self, intended_ns: int) -> None:
        self._intended_ns.append(intended_ns)
        self._socket.send(self._dialect.ask(self._asked))
        self._asked += 1

    def _take(self, text: bytes) -> None:
        if self._dialect.is_answer(text):
            self._last_answer = text
            self.on_answer(self, perf_counter_ns() - self._intended_ns.popleft())


async def closed(crowd: Crowd, sockets: int, seconds: float) -> Measurement:
    """Each caller asks again when it is answered."""
    callers = await callers_of(crowd, sockets)
    return await _peak(crowd, callers, seconds)


async def open_at_half_of_peak(crowd: Crowd, sockets: int, seconds: float) -> Measurement:
    """The peak is that of a closed loop just before; arrivals are those of independent people (Poisson)."""
    callers = await callers_of(crowd, sockets)
    peak = await _peak(crowd, callers, seconds)
    watch = Stopwatch(crowd.server_process_id)
    latencies = await _open_loop(callers, peak.rate_per_second * SHARE_OF_PEAK, seconds)
    return watch.measurement(len(latencies), latencies)


async def _peak(crowd: Crowd, callers: Sequence[Caller], seconds: float) -> Measurement:
    await _closed_loop(callers, seconds * WARM_UP_SHARE)
    watch = Stopwatch(crowd.server_process_id)
    latencies = await _closed_loop(callers, seconds)
    return watch.measurement(len(latencies), latencies)


async def callers_of(crowd: Crowd, count: int) -> list[Caller]:
    """Each in a room of its own, with somebody who only listens where there is something to hear."""
    await crowd.open_rooms(count)
    listeners: Sequence[Socket | None] = [None] * count
    if crowd.dialect.answers_reach_listeners:
        listeners = await crowd.gather("listener", range(count))
    talkers = await crowd.gather("talker", range(count))
    return [Caller(crowd.dialect, *pair) for pair in zip(talkers, listeners, strict=True)]


async def _closed_loop(callers: Sequence[Caller], seconds: float) -> array[int]:
    """The latencies."""
    latencies = array("Q")
    until_ns = perf_counter_ns() + int(seconds * NANOSECONDS_PER_SECOND)

    def go_on(caller: Caller, latency_ns: int) -> None:
        latencies.append(latency_ns)
        now_ns = perf_counter_ns()
        if now_ns < until_ns:
            caller.ask(now_ns)

    for caller in callers:
        caller.on_answer = go_on
        caller.ask(perf_counter_ns())
    await asyncio.sleep(seconds)
    await all_answered(callers)
    return latencies


async def _open_loop(callers: Sequence[Caller], rate_per_second: float, seconds: float) -> array[int]:
    """The latencies, each from the moment its question was due: a late generator counts against the server."""
    latencies = array("Q")
    for caller in callers:
        caller.on_answer = lambda _caller, latency_ns: latencies.append(latency_ns)
    until_ns = perf_counter_ns() + int(seconds * NANOSECONDS_PER_SECOND)
    await offer(callers, rate_per_second, lambda due_ns: due_ns >= until_ns)
    return latencies


async def offer(callers: Sequence[Caller], rate_per_second: float, is_over: Callable[[int], bool]) -> None:
    """Ask at that rate, whether answers come or not, until it is over at the moment when one is due; then wait."""
    turns, arrivals = cycle(callers), random.Random(0)
    due_ns = perf_counter_ns()
    while not is_over(due_ns):
        while due_ns <= perf_counter_ns():
            next(turns).ask(due_ns)
            due_ns += int(arrivals.expovariate(rate_per_second) * NANOSECONDS_PER_SECOND)
        await asyncio.sleep(TICK_SECONDS)
    await all_answered(callers)


async def all_answered(callers: Sequence[Caller]) -> None:
    """And heard: an answer that its listener never gets is a fault, whatever the rate."""
    if not await eventually(lambda: not any(caller.is_waiting for caller in callers), PATIENCE_SECONDS):
        raise BenchmarkError(f"a caller was not answered within {PATIENCE_SECONDS:g} s")
    if not await eventually(lambda: all(caller.is_heard() for caller in callers), PATIENCE_SECONDS):
        raise BenchmarkError(f"a listener did not hear of a command within {PATIENCE_SECONDS:g} s")
