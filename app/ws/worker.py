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
    """One task (`run`), begun with the first command: most sockets only listen."""

    def __init__(self, do: Callable[[ClientFrame], Awaitable[None]]) -> None:
        self._do = do
        self._waiting: deque[ClientFrame] = deque()
        self._arrived = asyncio.Event()
        self._finished = asyncio.Event()
        self.is_busy = False

    def put(self, frame: ClientFrame) -> bool:
        """Let the frame wait for its turn; whether there is room."""
        if len(self._waiting) >= WAITING_MAX_FRAMES:
            return False
        self._waiting.append(frame)
        self.is_busy = True
        self._arrived.set()
        return True

    async def run(self) -> None:
        """Work, for ever."""
        while True:
            while self._waiting:
                await self._do(self._waiting.popleft())
            self.is_busy = False
            self._finished.set()
            self._arrived.clear()
            await self._arrived.wait()

    async def finish(self) -> None:
        """Wait until nothing is left to do, but not for long."""
        with anyio.move_on_after(FINISH_TIMEOUT_S):
            while self.is_busy:
                self._finished.clear()
                await self._finished.wait()
