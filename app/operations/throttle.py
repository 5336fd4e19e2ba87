"""How the speed of long work is held down."""

import anyio


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
