"""How far the read tables are, as this process knows it, and who waits for them to come further."""

from heapq import heapify, heappop, heappush
from itertools import count

import anyio


class ProjectedPosition:
    """Advanced by the projection loop alone; waited for by anybody in the same event loop."""

    def __init__(self) -> None:
        self._position = 0
        self._waiters: list[tuple[int, int, anyio.Event]] = []
        self._numbers = count()
        self._somebody = anyio.Event()

    @property
    def position(self) -> int:
        return self._position

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits right now."""
        return bool(self._waiters)

    def advance(self, position: int) -> None:
        """The tables are at least here. Wakes those who waited for it, and nobody else."""
        self._position = max(position, self._position)
        while self._waiters and self._waiters[0][0] <= self._position:
            heappop(self._waiters)[2].set()

    async def wait(self, position: int, seconds: float) -> bool:
        """Whether the tables came to the position within so many seconds."""
        if position <= self._position:
            return True
        reached = anyio.Event()
        heappush(self._waiters, (position, next(self._numbers), reached))
        self._somebody.set()
        try:
            with anyio.move_on_after(seconds):
                await reached.wait()
        finally:
            if not reached.is_set():
                self._forget(reached)
        return position <= self._position

    async def wait_for_somebody(self) -> None:
        """Return as soon as somebody waits."""
        if not self._waiters:
            self._somebody = anyio.Event()
            await self._somebody.wait()

    def _forget(self, reached: anyio.Event) -> None:
        """Who gave up leaves nothing behind."""
        self._waiters = [waiter for waiter in self._waiters if waiter[2] is not reached]
        heapify(self._waiters)
