"""The end of the log on its way to the projections: who follows closely reads nothing twice from the store.

Without it the projections of a busy process read and decode every event that the process has just encoded and stored.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from domain.ports import EventLog, EventPage, RecordedEvent

KEPT_MAX_EVENTS: Final = 4_096
"""Events that wait for their reader; of more, the oldest are read from the store."""


class LogTail:
    """An `EventLog` for one reader, which is handed each event once. `keep` is an ordered listener of the feed.

    What is kept has no hole: where positions jump, because an append was taken back or newer code wrote what this code
    cannot read, it begins anew, and the store tells what is there.
    """

    def __init__(self, log: EventLog, max_events: int = KEPT_MAX_EVENTS) -> None:
        self._log = log
        self._kept: deque[RecordedEvent] = deque(maxlen=max_events)

    def keep(self, events: Sequence[RecordedEvent]) -> None:
        """These follow the last ones. Implements `CommittedListener`."""
        for recorded in events:
            if self._kept and recorded.position != self._kept[-1].position + 1:
                self._kept.clear()
            self._kept.append(recorded)

    async def read_page(self, after_position: int, limit: int) -> EventPage:
        """See `EventLog.read_page`. What is at or before the position is not needed any more."""
        while self._kept and self._kept[0].position <= after_position:
            self._kept.popleft()
        if self._kept and self._kept[0].position == after_position + 1:
            events = tuple(islice(self._kept, limit))
            return EventPage(events, events[-1].position)
        return await self._log.read_page(after_position, limit)

    async def head_position(self) -> int:
        """See `EventLog.head_position`."""
        return await self._log.head_position()
