"""What a client of a tenant's feed is owed that comes back: everything wanted after its cursor, or the word `gap`."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from app.histories import Histories
from app.ws.feed.events import FeedEvent, FeedEvents
from app.ws.feed.tenants import FeedSubscriber
from app.ws.frames import Frames
from app.ws.protocol import MAX_REPLAY_EVENTS, Resume, ResumeOutcome
from app.ws.resume import Cursor
from domain.ids import TenantId
from domain.ports import EventLog, RecordedEvent

PAGE_EVENTS: Final = 1_000
MAX_PASSED_EVENTS: Final = 10_000
"""Of all tenants, that are read over to find those of one. Who is further behind is told `gap`."""


class FeedCatchup(Struct, frozen=True):
    """What to send before the live messages: the frames of each event, of those that are wanted."""

    resume: Resume
    replay: Sequence[Frames]


class FeedHistory:
    """Reads the feed of a tenant from the store."""

    def __init__(self, log: EventLog, histories: Histories, epoch: str) -> None:
        self._log = log
        self._histories = histories
        self._epoch = epoch

    async def catch_up(self, tenant_id: TenantId, subscriber: FeedSubscriber, cursor: Cursor) -> FeedCatchup:
        """Everything up to the head of the store. The subscriber has to be attached before: nothing falls between.

        Raises:
            StoreUnavailable: the database is away.
        """
        head = await self._log.head_position()
        missed = await self._missed(tenant_id, cursor, head)
        if missed is None or cursor.after is None:
            outcome: ResumeOutcome = "fresh" if cursor.after is None else "gap"
            subscriber.begin(head)
            return FeedCatchup(self._resume(outcome, head, head), ())
        subscriber.begin(cursor.after)
        chosen = [subscriber.choose(event) for event in await self._events(missed)]
        replay = [frames for frames in chosen if frames is not None]
        count = sum(len(frames.texts) for frames in replay)
        return FeedCatchup(self._resume("resumed", cursor.after, head, count), replay)

    def _resume(self, outcome: ResumeOutcome, after: int, head: int, count: int = 0) -> Resume:
        return Resume(outcome=outcome, after=after, head=head, epoch=self._epoch, replay_count=count)

    async def _missed(self, tenant_id: TenantId, cursor: Cursor, head: int) -> list[RecordedEvent] | None:
        """The events of the tenant after the cursor; nothing if they cannot all be replayed."""
        position = cursor.after
        if position is None or position > head or cursor.epoch not in (None, self._epoch):
            return None
        missed: list[RecordedEvent] = []
        passed = 0
        while position < head:
            page = await self._log.read_page(position, PAGE_EVENTS)
            missed += [event for event in page.events if event.tenant_id == tenant_id and event.position <= head]
            passed += len(page.events) + len(page.unreadable)
            if len(missed) > MAX_REPLAY_EVENTS or passed > MAX_PASSED_EVENTS or page.last_position == position:
                return None
            position = page.last_position
        return missed

    async def _events(self, missed: Sequence[RecordedEvent]) -> list[FeedEvent]:
        events = FeedEvents(self._histories, self._epoch)
        made = [await events.event(recorded) for recorded in missed]
        return [event for event in made if event is not None]
