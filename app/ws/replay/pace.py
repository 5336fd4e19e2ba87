"""When the next event of a replay is due."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from time import monotonic
from typing import Final

import anyio

MAX_LATE_S: Final = 0.1
"""So much is caught up with; what is later, because the client is slow, makes all that follows later."""


def pause_s(earlier: datetime, later: datetime, speed: float | None, max_pause_s: float) -> float:
    """Between two events of a replay: that of then, at most `max_pause_s`, divided by the speed. A clock that went
    back, and a speed of null, make none."""
    if speed is None:
        return 0.0
    gap_s = (later - earlier).total_seconds()
    return min(max(gap_s, 0.0), max_pause_s) / speed


class Pace:
    """Of one replay. The first event is due at once."""

    def __init__(
        self,
        speed: float | None,
        max_pause_s: float,
        now_s: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._speed = speed
        self._max_pause_s = max_pause_s
        self._now_s = now_s
        self._sleep = sleep
        self._last: datetime | None = None
        self._due_s = now_s()

    async def wait(self, occurred_at: datetime) -> None:
        """Until the event is due that occurred then. Others run meanwhile, even if it is due already."""
        if self._last is not None:
            self._due_s += pause_s(self._last, occurred_at, self._speed, self._max_pause_s)
        self._last = occurred_at
        now_s = self._now_s()
        if now_s - self._due_s > MAX_LATE_S:
            self._due_s = now_s
        await self._sleep(max(self._due_s - now_s, 0.0))
