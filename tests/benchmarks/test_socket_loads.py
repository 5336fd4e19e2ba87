"""The loads against servers with known faults: what is lost or late must show."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.sockets import commands, fanout
from benchmarks.sockets.commands import closed, open_at_half_of_peak
from benchmarks.sockets.crowd import Crowd
from benchmarks.sockets.dialects import Bare
from benchmarks.subject import BenchmarkError

PAUSE_SECONDS = 0.2


@asynccontextmanager
async def crowd_at(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[Crowd]:
    """At a server of the websockets library, in this process."""
    async with serve(handler, "127.0.0.1", 0, compression=None, close_timeout=0.1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        yield Crowd(Bare(), port, os.getpid(), trouble)
        trouble.cancel()  # that the server closes now is none


class Room:
    """Broadcasts like bare uvicorn; the first listener misses the message of number `lost`."""

    def __init__(self, lost: int | None) -> None:
        self._lost = lost
        self._listeners: list[ServerConnection] = []

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.request.path == "/room":
            self._listeners.append(connection)
        number = 0
        async for message in connection:
            for listener in self._listeners:
                if number != self._lost or listener is not self._listeners[0]:
                    await listener.send(message, text=True)
            number += 1


async def test_every_delivery_is_counted() -> None:
    async with crowd_at(Room(lost=None).handle) as crowd:
        measured = await fanout.fanout(crowd, 5, 0.1)

    assert measured.operations == 5 * len(measured.latencies_ns) > 0


async def test_one_lost_message_breaks_the_fanout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "PATIENCE_SECONDS", 0.3)

    async with crowd_at(Room(lost=3).handle) as crowd:
        with pytest.raises(BenchmarkError, match=r"1 of 5 listeners did not get \d+ frames: -1 to -1"):
            await fanout.fanout(crowd, 5, 0.1)


async def test_a_pause_of_the_server_is_one_late_answer_for_each_who_waits() -> None:
    """A closed loop hides a pause: who waits for an answer does not ask."""
    async with crowd_at(Pausing(at=50).handle) as crowd:
        measured = await closed(crowd, 2, 0.5)

    assert len([latency for latency in measured.latencies_ns if latency > PAUSE_SECONDS * 0.9e9]) <= 2


async def test_a_pause_of_the_server_makes_all_late_that_were_due_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open loop shows it: questions come all the same, and their time counts from when they were due."""
    monkeypatch.setattr(commands, "SHARE_OF_PEAK", 0.1)
    pausing = Pausing(at=None)

    async with crowd_at(pausing.handle) as crowd:
        asyncio.get_running_loop().call_later(0.5 * 1.25 + 0.2, pausing.pause)
        measured = await open_at_half_of_peak(crowd, 2, 0.5)

    late = [latency for latency in measured.latencies_ns if latency > PAUSE_SECONDS / 4 * 1e9]
    assert len(late) > 0.1 * measured.operations


class Pausing:
    """An echo that once says nothing for a while, from its question `at` on or when it is told to."""

    def __init__(self, at: int | None) -> None:
        self._at = at
        self._asked = 0
        self._going = asyncio.Event()
        self._going.set()

    def pause(self) -> None:
        self._going.clear()
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._going.set)

    async def handle(self, connection: ServerConnection) -> None:
        async for message in connection:
            self._asked += 1
            if self._asked == self._at:
                self.pause()
            await self._going.wait()
            await connection.send(message, text=True)


async def test_a_caller_that_is_never_answered_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", 0.1)

    async def deaf(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with crowd_at(deaf) as crowd:
        with pytest.raises(BenchmarkError, match="not answered"):
            await closed(crowd, 2, 0.05)
