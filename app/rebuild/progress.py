"""What somebody who waits for long work is told, and how its speed is held down."""

from typing import Protocol

import anyio

from projections.rebuilding import RebuildState, TableComparison


class Watcher(Protocol):
    """Told of each step as it is taken."""

    def going_on(self, state: RebuildState) -> None:
        """This rebuild was begun before, and goes on."""
        ...

    def step(self, name: str, done: int, total: int | None) -> None:
        """`name` says what is done; events or indexes are counted. Without a total nobody knows how long it takes."""
        ...

    def compared(self, comparison: TableComparison) -> None:
        """A table and its successor."""
        ...

    def waiting(self, reason: str) -> None:
        """It goes on by itself."""
        ...


class Throttle:
    """Holds the events of long work down to a rate, so that what is live keeps its share of the machine."""

    def __init__(self, max_events_per_s: float | None) -> None:
        self._max_events_per_s = max_events_per_s
        self._free_at_s = float("-inf")

    async def take(self, events: int) -> None:
        """Return when so many events may have been done."""
        if self._max_events_per_s is None:
            return
        now_s = anyio.current_time()
        self._free_at_s = max(self._free_at_s, now_s) + events / self._max_events_per_s
        await anyio.sleep(self._free_at_s - now_s)
