"""The feeds of tenants: every event of all conversations of a tenant, in the order of positions.

Ordered events come from `app.feed` and wait in a queue of the tenant, because its conversations may have to be read
before they can be told. Nothing waits and nothing is folded for a tenant to whose feed nobody listens. What is being
said comes from the hub, waits for nothing, and is only for those who ask for it.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import anyio
from anyio.lowlevel import checkpoint

from app.ws.feed.events import FeedEvent, FeedEvents
from app.ws.feed.filter import FeedFilter
from app.ws.frames import Frames
from app.ws.interims import Interim
from app.ws.subscriber import QUEUE_MAX_FRAMES, Subscriber
from domain.conversation.conversation import Conversation
from domain.errors import StoreUnavailable
from domain.ids import TenantId
from domain.ports import RecordedEvent

WAITING_MAX_EVENTS: Final = 5_000
"""Of one tenant; when there are more, its subscribers are ended with `position_lost`, and resume."""
EVENTS_AT_ONCE: Final = 100
"""The next tenant has its turn after so many."""
STORE_RETRY_S: Final = 0.2


class FeedSubscriber:
    """A connection to the feed of a tenant, with what it wants of it and where it stands.

    `subscriber` is the connection's queue. `head` is the position up to which everything wanted was sent.
    """

    def __init__(self, subscriber: Subscriber, wanted: FeedFilter) -> None:
        self.subscriber = subscriber
        self.head = 0
        self._wanted = wanted
        self._last = 0
        self._held: list[FeedEvent] | None = []

    @property
    def wants_interims(self) -> bool:
        """Whether it asks for what is being said."""
        return self._wanted.with_interims

    def begin(self, after: int) -> None:
        """The chain of positions begins here."""
        self._last = after

    def choose(self, event: FeedEvent) -> Frames | None:
        """What of the event is wanted, as the next link of the chain."""
        frames = event.frames(self._wanted, self._last)
        if frames is not None:
            self._last = event.position
        return frames

    def deliver(self, event: FeedEvent) -> None:
        """Send the event, unless a replay has sent it already; until `go_live` it is held back."""
        if self.subscriber.ended is not None:
            return
        if self._held is not None:
            self._hold(event, self._held)
        elif event.position > self.head:
            self.head = event.position
            frames = self.choose(event)
            if frames is not None:
                self.subscriber.put(frames)

    def hear(self, conversation: Conversation | None, said: Interim) -> None:
        """Send what is being said, if it is wanted; during a replay it is not, as it would come before what led to
        it."""
        if self.subscriber.ended is None and self._wanted.wants_interim(conversation, said.message.type):
            self.subscriber.put_interim(said)

    def go_live(self, head: int) -> None:
        """The replay has sent everything up to `head`: what was held back above it follows."""
        held, self._held = self._held or [], None
        self.head = head
        self.subscriber.go_live(head)
        for event in held:
            self.deliver(event)

    def _hold(self, event: FeedEvent, held: list[FeedEvent]) -> None:
        held.append(event)
        if len(held) > QUEUE_MAX_FRAMES:
            held.clear()
            self.subscriber.end("slow_consumer")


class TenantFeed:
    """The subscribers of one tenant, and the events that they have not been told yet."""

    def __init__(self) -> None:
        self.subscribers: set[FeedSubscriber] = set()
        self.overhearing: set[FeedSubscriber] = set()
        self.waiting: deque[RecordedEvent] = deque()

    def add(self, recorded: RecordedEvent) -> None:
        """Let the event wait for its turn."""
        self.waiting.append(recorded)
        if len(self.waiting) > WAITING_MAX_EVENTS:
            self.waiting.clear()
            for subscriber in self.subscribers:
                subscriber.subscriber.end("position_lost")

    def is_next(self, recorded: RecordedEvent) -> bool:
        """Whether the event is the first that waits."""
        return bool(self.waiting) and self.waiting[0] is recorded

    def tell(self, event: FeedEvent) -> None:
        """Send the event to all who want it."""
        for subscriber in self.subscribers:
            subscriber.deliver(event)


class TenantFeeds:
    """All of them. One task (`run`)."""

    def __init__(self, events: FeedEvents) -> None:
        self._events = events
        self._feeds: dict[TenantId, TenantFeed] = {}
        self._hint = anyio.Event()
        self._position = 0

    @property
    def subscriber_count(self) -> int:
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    def attach(self, tenant_id: TenantId, subscriber: FeedSubscriber) -> None:
        """From now on the subscriber gets every event of the tenant."""
        feed = self._feeds.setdefault(tenant_id, TenantFeed())
        feed.subscribers.add(subscriber)
        if subscriber.wants_interims:
            feed.overhearing.add(subscriber)

    def detach(self, tenant_id: TenantId, subscriber: FeedSubscriber) -> None:
        """The subscriber is gone; with the last one goes what waits."""
        feed = self._feeds.get(tenant_id)
        if feed is not None:
            feed.subscribers.discard(subscriber)
            feed.overhearing.discard(subscriber)
            if not feed.subscribers:
                del self._feeds[tenant_id]

    def deliver(self, events: Sequence[RecordedEvent]) -> None:
        """Tell of events, each once, in the order of positions. Implements `CommittedListener`."""
        if events:
            self._position = events[-1].position
        if not self._feeds:
            return
        for recorded in events:
            feed = self._feeds.get(recorded.tenant_id)
            if feed is not None:
                feed.add(recorded)
                self._hint.set()

    def wants_interims(self, tenant_id: TenantId) -> bool:
        """Whether anybody asks for what is being said. Implements `Overhearing`."""
        feed = self._feeds.get(tenant_id)
        return feed is not None and bool(feed.overhearing)

    def hear(self, tenant_id: TenantId, conversation: Conversation | None, said: Interim) -> None:
        """Tell those who ask for it. Implements `Overhearing`."""
        feed = self._feeds.get(tenant_id)
        if feed is not None:
            for subscriber in feed.overhearing:
                subscriber.hear(conversation, said)

    def head(self, tenant_id: TenantId, subscriber: FeedSubscriber) -> int:
        """The position up to which the subscriber has been sent all that it wants."""
        feed = self._feeds.get(tenant_id)
        if feed is None or feed.waiting:
            return subscriber.head
        return max(self._position, subscriber.head)

    async def run(self) -> None:
        """Tell the events that wait, for ever. A database that is away is waited for."""
        while True:
            await self._hint.wait()
            self._hint = anyio.Event()
            while waiting := [feed for feed in self._feeds.values() if feed.waiting]:
                for feed in waiting:
                    await self._tell_some(feed)
                await checkpoint()

    async def _tell_some(self, feed: TenantFeed) -> None:
        for _ in range(EVENTS_AT_ONCE):
            if not feed.waiting:
                return
            recorded = feed.waiting[0]
            try:
                event = await self._events.event(recorded)
            except StoreUnavailable:
                await anyio.sleep(STORE_RETRY_S)
                return
            if not feed.is_next(recorded):
                return  # there was an overflow meanwhile: this event has been given up with the others
            feed.waiting.popleft()
            if event is not None:
                feed.tell(event)
