"""The feed of a tenant inside: what waits, what is folded, and what happens when there is too much of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec

from adapters.memory.event_store import MemoryEventStore
from adapters.system.clock import SystemClock
from app.histories import Histories
from app.ws.feed import tenants
from app.ws.feed.events import FeedEvents
from app.ws.feed.filter import EVERYTHING
from app.ws.feed.tenants import WAITING_MAX_EVENTS, FeedSubscriber, TenantFeeds
from app.ws.frames import Frames
from app.ws.subscriber import QUEUE_MAX_FRAMES, Subscriber
from domain.errors import StoreUnavailable, UnknownEvent
from domain.ids import DEFAULT_TENANT, ConversationId, TenantId
from domain.ports import RecordedEvent
from tests.support.appends import an_append, message, new_conversation
from tests.support.waiting import until

EPOCH = "e"


class Network:
    """An outlet that remembers what it took."""

    def __init__(self) -> None:
        self.is_writable = True
        self.texts: list[bytes] = []

    def write(self, frames: Frames) -> None:
        self.texts += frames.texts


class FaultyStore(MemoryEventStore):
    """Counts what is read, and may refuse."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.reads = 0
        self.refusal: Exception | None = None

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        self.reads += 1
        if self.refusal is not None:
            raise self.refusal
        return await super().read(tenant_id, conversation_id, after, until)


class Listening:
    """Feeds over a store, and one subscriber."""

    def __init__(self) -> None:
        self.store = FaultyStore()
        self.feeds = TenantFeeds(FeedEvents(Histories(self.store), EPOCH))
        self.network = Network()
        self.queue = Subscriber(self.network, lambda: None)
        self.subscriber = FeedSubscriber(self.queue, EVERYTHING)

    def attach(self) -> None:
        self.feeds.attach(DEFAULT_TENANT, self.subscriber)
        self.subscriber.go_live(0)

    async def append(self, conversation_id: str | None = None, version: int = 0, count: int = 1) -> None:
        events = [message() for _ in range(count)]
        self.feeds.deliver(await self.store.append(an_append(conversation_id, version, events=events)))

    async def have_told(self, count: int) -> None:
        await until(lambda: len(self.network.texts) == count)

    @property
    def positions(self) -> list[int]:
        frames = [msgspec.json.decode(text) for text in self.network.texts]
        return [frame["position"] for frame in frames if frame["type"] == "state_update"]


@asynccontextmanager
async def listening() -> AsyncIterator[Listening]:
    """The feeds with their task."""
    parts = Listening()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(parts.feeds.run)
        yield parts
        tasks.cancel_scope.cancel()


async def test_while_nobody_subscribes_nothing_is_kept_or_read() -> None:
    async with listening() as parts:
        conversation_id = new_conversation()
        await parts.append(conversation_id, count=3)
        await anyio.sleep(0.01)
        assert (parts.store.reads, parts.feeds._feeds) == (0, {})

        # when somebody comes, the conversation is read once, up to the event before the one to tell
        parts.attach()
        for version in (3, 4):
            await parts.append(conversation_id, version)
        await parts.have_told(4)
        assert (parts.store.reads, parts.positions) == (1, [4, 5])

        # and when they are gone, nothing stays
        parts.feeds.detach(DEFAULT_TENANT, parts.subscriber)
        await parts.append(conversation_id, 5)
        assert parts.feeds._feeds == {}


async def test_too_many_events_at_once_end_the_subscribers_and_those_that_come_back_go_on() -> None:
    async with listening() as parts:
        parts.attach()
        await parts.append(count=WAITING_MAX_EVENTS + 1)
        assert parts.queue.ended == "position_lost"

        parts.feeds.detach(DEFAULT_TENANT, parts.subscriber)
        again = FeedSubscriber(Subscriber(parts.network, lambda: None), EVERYTHING)
        parts.feeds.attach(DEFAULT_TENANT, again)
        again.begin(WAITING_MAX_EVENTS + 1)
        again.go_live(WAITING_MAX_EVENTS + 1)
        await parts.append()
        await parts.have_told(2)
        assert parts.positions == [WAITING_MAX_EVENTS + 2]


async def test_an_overflow_while_a_conversation_is_read_tells_nobody_of_its_event() -> None:
    async with listening() as parts:
        parts.attach()
        parts.store.refusal = StoreUnavailable()
        conversation_id = new_conversation()
        await parts.store.append(an_append(conversation_id))
        await parts.append(conversation_id, 1)
        await until(lambda: parts.store.reads > 0)
        await parts.append(count=WAITING_MAX_EVENTS)
        parts.store.refusal = None
        await anyio.sleep(2 * tenants.STORE_RETRY_S)

        assert parts.queue.ended == "position_lost"
        assert parts.network.texts == []


async def test_a_database_that_is_away_is_waited_for_and_nothing_is_lost() -> None:
    async with listening() as parts:
        parts.attach()
        conversation_id = new_conversation()
        await parts.store.append(an_append(conversation_id))
        parts.store.refusal = StoreUnavailable()
        await parts.append(conversation_id, 1)
        await parts.append()
        await until(lambda: parts.store.reads > 0)
        assert parts.network.texts == []

        parts.store.refusal = None
        await parts.have_told(4)
        assert parts.positions == [2, 3]


async def test_a_conversation_that_newer_code_wrote_is_left_out_and_the_others_go_on() -> None:
    async with listening() as parts:
        parts.attach()
        conversation_id = new_conversation()
        await parts.store.append(an_append(conversation_id))
        parts.store.refusal = UnknownEvent("sung.v1")
        await parts.append(conversation_id, 1)
        await parts.append()
        await parts.have_told(2)

        assert parts.positions == [3]


async def test_who_still_replays_when_too_much_comes_is_slow() -> None:
    async with listening() as parts:
        parts.feeds.attach(DEFAULT_TENANT, parts.subscriber)
        await parts.append(count=QUEUE_MAX_FRAMES + 1)
        await until(lambda: parts.queue.ended is not None)

        assert (parts.queue.ended, parts.network.texts) == ("slow_consumer", [])


async def test_what_comes_during_a_replay_is_told_once() -> None:
    async with listening() as parts:
        # given a client that has read up to position 2 while 1 to 4 were told
        parts.feeds.attach(DEFAULT_TENANT, parts.subscriber)
        await parts.append(count=4)
        await until(lambda: parts.feeds.head(DEFAULT_TENANT, parts.subscriber) == 4)
        parts.subscriber.begin(2)
        parts.subscriber.go_live(2)
        await parts.append()
        await parts.have_told(6)

        assert parts.positions == [3, 4, 5]
        assert msgspec.json.decode(parts.network.texts[0])["prev_position"] == 2
