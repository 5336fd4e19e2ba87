"""Nothing falls between the history that a subscriber reads and what the hub tells it."""

from collections.abc import Sequence
from typing import Any

import anyio
import msgspec
import pytest

from adapters.system.clock import SystemClock
from app.histories import Histories
from app.principal import ANYBODY
from app.ws import hub as hub_module
from app.ws.admission import Admission, AdmissionLimits
from app.ws.frames import Frames
from app.ws.history import ConversationHistory
from app.ws.hub import HOLE_PATIENCE_S, Channel, Hub
from app.ws.live import LiveConnections
from app.ws.resume import Cursor
from app.ws.subscriber import Subscriber
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.conversation.values import Policies
from domain.ports import RecordedEvent
from tests.support.appends import message
from tests.support.decider import CONVERSATION_ID, TENANT_ID
from tests.support.recording import history

KEY = (TENANT_ID, CONVERSATION_ID)
EVENTS = history([e.ConversationStarted(tenant_id=TENANT_ID, policies=Policies()), *map(message, "abcdefgh")])


class Network:
    """An outlet that takes everything."""

    def __init__(self) -> None:
        self.is_writable = True
        self.texts: list[bytes] = []

    def write(self, frames: Frames) -> None:
        self.texts += frames.texts

    @property
    def seqs(self) -> list[int]:
        return list(dict.fromkeys(msgspec.json.decode(text)["seq"] for text in self.texts))


class SlowStore:
    """Whoever reads sees what was there when it asked, and gets it when the test lets it go."""

    def __init__(self, events: Sequence[RecordedEvent]) -> None:
        self.events = events
        self.readers: list[anyio.Event] = []

    async def read(self, *_: Any, **__: Any) -> tuple[RecordedEvent, ...]:
        seen, let_go = tuple(self.events), anyio.Event()
        self.readers.append(let_go)
        await let_go.wait()
        return seen


class Listener:
    """A subscriber that is attached, reads the history and goes live."""

    def __init__(self, hub: Hub) -> None:
        self.network = Network()
        self.subscriber = Subscriber(self.network, lambda: None)
        self.channel = hub.attach(KEY, self.subscriber)
        self.head = 0

    async def join(self, past: ConversationHistory) -> None:
        catchup = await past.catch_up(ANYBODY, CONVERSATION_ID, Cursor(None, None), self.channel)
        self.head = catchup.resume.head
        self.channel.go_live(self.subscriber, self.head)


@pytest.fixture
def hub() -> Hub:
    return Hub("epoch", SystemClock())


def reading(store: Any) -> ConversationHistory:
    limits = AdmissionLimits(
        allowed_origins=(),
        is_loopback_only=True,
        max_per_address=9,
        max_per_tenant=9,
        handshakes_max_count=9,
        handshake_timeout_s=9,
    )
    return ConversationHistory(store, Histories(store), Admission(limits, LiveConnections()), "epoch")


async def test_whoever_read_less_than_the_channel_begins_with_reads_again(hub: Hub) -> None:
    # given a first listener whose answer of the store is long on its way
    store = SlowStore(EVENTS[:2])
    first = Listener(hub)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first.join, reading(store))
        await anyio.wait_all_tasks_blocked()
        # when two events come, which a second listener finds in the store and has at once
        store.events = EVENTS[:4]
        hub.deliver(EVENTS[2:4])
        second = Listener(hub)
        tasks.start_soon(second.join, reading(store))
        await anyio.wait_all_tasks_blocked()
        store.readers[1].set()
        await anyio.wait_all_tasks_blocked()
        store.readers[0].set()
        await anyio.wait_all_tasks_blocked()
        for reader in store.readers[2:]:
            reader.set()
    # and another event comes
    hub.deliver(EVENTS[4:5])
    # then neither has a hole
    for listener in (first, second):
        assert listener.network.seqs == list(range(listener.head + 1, 6))


async def test_what_comes_while_the_first_listener_reads_follows_once_and_in_order(hub: Hub) -> None:
    store = SlowStore(EVENTS[:3])
    listener = Listener(hub)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.join, reading(store))
        await anyio.wait_all_tasks_blocked()
        hub.deliver(EVENTS[1:3])
        hub.deliver(EVENTS[4:5])
        hub.deliver(EVENTS[2:6])
        store.readers[0].set()

    assert listener.network.seqs == [4, 5, 6]


def primed(hub: Hub, version: int) -> tuple[Channel, Listener]:
    """A listener that is live at this version."""
    listener = Listener(hub)
    folded = fold(empty(), EVENTS[:version])
    listener.channel.prime(folded)
    listener.channel.go_live(listener.subscriber, version)
    return listener.channel, listener


def empty() -> Conversation:
    return Conversation(id=CONVERSATION_ID, tenant_id=TENANT_ID)


async def test_a_hole_wakes_the_feed_and_is_filled_by_it(hub: Hub) -> None:
    woken = []
    hub.on_hole = lambda: woken.append("woken")
    _, listener = primed(hub, 2)

    hub.deliver(EVENTS[3:4])
    assert (listener.network.seqs, woken) == ([], ["woken"])
    hub.deliver(EVENTS[2:5])
    assert listener.network.seqs == [3, 4, 5]


def test_who_comes_after_a_hole_was_given_up_is_not_sent_away_for_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a listener with a hole that stays
    now_s = 100.0
    monkeypatch.setattr(hub_module, "monotonic", lambda: now_s)
    _, listener = primed(hub, 2)
    hub.deliver(EVENTS[4:5])
    now_s += HOLE_PATIENCE_S + 1
    hub.end_broken()
    assert listener.subscriber.ended == "position_lost"
    # when another comes, that has read the store, before the first is gone
    _, newcomer = primed(hub, 5)
    hub.deliver(EVENTS[5:6])
    now_s += HOLE_PATIENCE_S + 1
    hub.end_broken()
    hub.detach(KEY, listener.subscriber)
    hub.deliver(EVENTS[6:7])
    # then it goes on
    assert newcomer.subscriber.ended is None
    assert newcomer.network.seqs == [6, 7]
    hub.detach(KEY, newcomer.subscriber)
    assert hub.subscriber_count == 0
