"""The feed of this process: whatever any process stores is told to this one's listeners.

A notification is a hint; the store is the truth. The feed wakes on a hint and at the latest after the poll interval,
and reads on from its cursor. What this process has stored itself is told at once; where it follows the cursor
without a gap, the cursor moves on and nothing is read twice.

There are two kinds of listeners. The quick ones are told what this process stores before anybody has read what other
processes stored before it, and are told it again when the feed has read so far. The ordered ones are told every event
once, in the order of positions.
"""

from collections.abc import Callable, Sequence

import anyio

from domain.errors import StoreUnavailable
from domain.ports import CommittedListener, EventLog, RecordedEvent, UnreadablePlace

PAGE_EVENTS = 1_000
MIN_READ_INTERVAL_S = 0.02


class Feed:
    """One task (`run`); `committed` and `wake` may be called from anywhere on the event loop."""

    def __init__(
        self,
        log: EventLog,
        listeners: Sequence[CommittedListener],
        poll_interval_s: float,
        *,
        ordered_listeners: Sequence[CommittedListener] = (),
    ) -> None:
        self._log = log
        self._listeners = tuple(listeners)
        self._ordered_listeners = tuple(ordered_listeners)
        self._poll_interval_s = poll_interval_s
        self._hint = anyio.Event()
        self.on_unreadable: Callable[[Sequence[UnreadablePlace]], None] = lambda _unreadable: None
        self.position = 0
        self.is_reading = False

    def committed(self, events: Sequence[RecordedEvent]) -> None:
        """This process has stored the events. Implements `CommittedListener`."""
        follows = self._follow_the_cursor(events)
        if follows:
            self.position = events[-1].position
        _tell(self._listeners, events)
        if follows:
            _tell(self._ordered_listeners, events)

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
            # While the page was read, this process may have stored some of it, and moved the cursor.
            news = [recorded for recorded in page.events if recorded.position > self.position]
            self.position = max(self.position, page.last_position)
            _tell(self._listeners, page.events)
            _tell(self._ordered_listeners, news)
            self.on_unreadable(page.unreadable)
            if page.last_position == position:
                return

    def _follow_the_cursor(self, events: Sequence[RecordedEvent]) -> bool:
        """Whether no position is between the cursor and the first of them, nor between them."""
        return (
            bool(events)
            and events[0].position == self.position + 1
            and events[-1].position == self.position + len(events)
        )


def _tell(listeners: Sequence[CommittedListener], events: Sequence[RecordedEvent]) -> None:
    for listener in listeners:
        listener(events)
