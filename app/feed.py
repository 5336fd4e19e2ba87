"""The feed of this process: whatever any process stores is told to this one's listeners, in the order of positions.

A notification is a hint; the store is the truth. The feed wakes on a hint and at the latest after the poll interval,
and reads on from its cursor. What this process has stored itself is told at once; where it follows the cursor
without a gap, the cursor moves on and nothing is read twice.
"""

from collections.abc import Sequence

import anyio

from domain.errors import StoreUnavailable
from domain.ports import CommittedListener, EventLog, RecordedEvent

PAGE_EVENTS = 1_000
MIN_READ_INTERVAL_S = 0.02


class Feed:
    """One task (`run`); `committed` and `wake` may be called from anywhere on the event loop."""

    def __init__(self, log: EventLog, listeners: Sequence[CommittedListener], poll_interval_s: float) -> None:
        self._log = log
        self._listeners = tuple(listeners)
        self._poll_interval_s = poll_interval_s
        self._hint = anyio.Event()
        self.position = 0
        self.is_reading = False

    def committed(self, events: Sequence[RecordedEvent]) -> None:
        """This process has stored the events. Implements `CommittedListener`."""
        if events and events[-1].position == self.position + len(events):
            self.position = events[-1].position
        self._tell(events)

    def wake(self) -> None:
        """There may be something new in the store."""
        self._hint.set()

    async def start(self) -> None:
        """Begin at the head of the store: what is older is read by whoever needs it."""
        self.position = await self._log.head_position()

    async def run(self) -> None:
        """Read on, for ever. A database that is away is waited for."""
        while True:
            with anyio.move_on_after(self._poll_interval_s):
                await self._hint.wait()
            self._hint = anyio.Event()
            try:
                await self._read_on()
                self.is_reading = True
            except StoreUnavailable:
                self.is_reading = False
            # Hints come with every flush; what they announce may wait a moment for company.
            await anyio.sleep(MIN_READ_INTERVAL_S)

    async def _read_on(self) -> None:
        while True:
            position = self.position
            page = await self._log.read_page(position, PAGE_EVENTS)
            self.position = max(self.position, page.last_position)
            self._tell(page.events)
            if page.last_position == position:
                return

    def _tell(self, events: Sequence[RecordedEvent]) -> None:
        for listener in self._listeners:
            listener(events)
