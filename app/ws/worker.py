"""Does what one client asks for, one thing after the other, while its reader reads on."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from app.ws.inbound import ClientFrame

WAITING_MAX_FRAMES: Final = 64
"""Frames of one client that wait for its commands; a command beyond is refused as `overloaded`."""

FINISH_TIMEOUT_S: Final = 2.0
"""How long the commands that a closing socket has sent before may take."""


class Worker:
    """One task of its own, begun with the first command: most sockets only listen, and a task group for each of them
    would cost more than all else that is kept of them."""

    def __init__(self, do: Callable[[ClientFrame], Awaitable[None]], on_failure: Callable[[], None]) -> None:
        self._do = do
        self._on_failure = on_failure
        self._waiting: deque[ClientFrame] = deque()
        self._loop = asyncio.get_running_loop()
        self._arrival: asyncio.Future[None] | None = None
        self._finished = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)
        self.is_busy = False

    def put(self, frame: ClientFrame) -> bool:
        """Let the frame wait for its turn; whether there is room."""
        if len(self._waiting) >= WAITING_MAX_FRAMES:
            return False
        self._waiting.append(frame)
        self.is_busy = True
        if self._arrival is not None:
            self._arrival.set_result(None)
            self._arrival = None
        return True

    async def stop(self) -> None:
        """Wait until nothing is left to do, but not for long, and end the task. Raises what it has failed of."""
        try:
            await self._finish()
        finally:
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """It works for ever, so it was either told to end or has failed."""
        if not task.cancelled():
            self.is_busy = False
            self._finished.set()
            self._on_failure()

    async def _run(self) -> None:
        while True:
            while self._waiting:
                await self._do(self._waiting.popleft())
            self.is_busy = False
            self._finished.set()
            self._arrival = self._loop.create_future()
            await self._arrival

    async def _finish(self) -> None:
        with anyio.move_on_after(FINISH_TIMEOUT_S):
            while self.is_busy:
                self._finished.clear()
                await self._finished.wait()
