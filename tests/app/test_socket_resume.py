"""A client that comes back, whenever it does and whatever happened: exactly what it missed, or the word `gap`."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.connection import service_conninfo
from app.ws.frames import durable_frames
from app.ws.protocol import MAX_REPLAY_EVENTS
from app.ws.resume import Catchup, Cursor, catch_up
from domain.conversation.conversation import Conversation
from domain.conversation.events import ConversationStarted, Event
from domain.conversation.evolution import fold
from domain.conversation.values import Policies
from domain.ids import DEFAULT_TENANT, ConversationId
from domain.ports import EventStore, RecordedEvent
from projections.snapshots import History, Snapshot
from tests.support.appends import an_append, message, new_conversation, running_appender
from tests.support.decider import CONVERSATION_ID
from tests.support.histories import happenings, unborn
from tests.support.postgres import TestDatabases
from tests.support.recording import recorded_log
from tests.support.rest import Rest
from tests.support.server import RunningServer, running_server
from tests.support.shown import Shown
from tests.support.sockets import Json, connected

TRIALS = 1_000
TRIALS_AT_ONCE = 16
EVENTS_PER_S = 200
EVENTS_OF_A_CONVERSATION = 150
MESSAGES_SHOWN = 50
STARTED = ConversationStarted(tenant_id=DEFAULT_TENANT, policies=Policies())

EPOCH = "epoch"

logs = happenings(max_conversations=1).map(
    lambda history: recorded_log([(CONVERSATION_ID, event, at) for _, event, at in history])
)


async def stored(store: EventStore, events: Sequence[Event], after: int = 0, of: str | None = None) -> ConversationId:
    """The conversation of which these are the next events."""
    conversation_id = ConversationId(of or new_conversation())
    await store.append(an_append(conversation_id, after, events=events, tenant_id=DEFAULT_TENANT))
    return conversation_id


def resume_of(handshake: list[Json]) -> Json:
    """What `ready` says of the resumption."""
    resume: Json = handshake[0]["payload"]["resume"]
    return resume


def unborn_conversation() -> Conversation:
    return unborn(CONVERSATION_ID)


def whole(log: Sequence[RecordedEvent]) -> History:
    """Read from its beginning."""
    return History(Snapshot(conversation=unborn_conversation()), log)


def replayed(catchup: Catchup) -> list[bytes]:
    """The texts of the replay."""
    return [text for frames in catchup.replay for text in frames.texts]


def told_live(log: Sequence[RecordedEvent]) -> list[bytes]:
    """What a subscriber hears that is there from the beginning."""
    texts: list[bytes] = []
    conversation = unborn_conversation()
    for recorded in log:
        before, conversation = conversation, fold(conversation, (recorded,))
        texts += durable_frames(recorded, before, conversation, EPOCH).texts
    return texts


@given(log=logs, data=st.data())
def test_whatever_happened_a_resume_is_byte_for_byte_what_was_live_after_it(
    log: list[RecordedEvent], data: st.DataObject
) -> None:
    after = data.draw(st.integers(0, len(log)))

    catchup = catch_up(whole(log), Cursor(after, EPOCH), EPOCH)

    assert replayed(catchup) == [text for text in told_live(log) if msgspec.json.decode(text)["seq"] > after]
    assert catchup.resume.outcome == "resumed"
    assert catchup.resume.replay_count == len(replayed(catchup))
    assert catchup.conversation == fold(unborn_conversation(), log)


@given(log=logs, data=st.data())
def test_the_first_snapshot_and_the_messages_after_it_are_a_fresh_snapshot(
    log: list[RecordedEvent], data: st.DataObject
) -> None:
    middle = data.draw(st.integers(1, len(log)))
    first = catch_up(whole(log[:middle]), Cursor(None, None), EPOCH)
    later = catch_up(whole(log), Cursor(middle, EPOCH), EPOCH)
    fresh = catch_up(whole(log), Cursor(None, None), EPOCH)

    shown = shown_by(first)
    for text in replayed(later):
        shown.apply(msgspec.json.decode(text))

    assert shown.as_told() == shown_by(fresh).as_told()


def shown_by(catchup: Catchup) -> Shown:
    """What a client shows that has only the snapshot."""
    shown = Shown()
    shown.apply(
        {"type": "state_update", "seq": None, "payload": msgspec.json.decode(msgspec.json.encode(catchup.snapshot))}
    )
    return shown


@pytest.mark.parametrize(
    ("cursor", "outcome"),
    [
        ({"after": 2}, "resumed"),
        ({"after": 1}, "gap"),
        ({"after": 0}, "gap"),
        ({"after": MAX_REPLAY_EVENTS + 2}, "resumed"),
        ({"after": MAX_REPLAY_EVENTS + 3}, "gap"),
        ({"after": 2**63 - 1}, "gap"),
        ({"after": 400, "epoch": "00000000-0000-7000-8000-00000000dead"}, "gap"),
        ({}, "fresh"),
    ],
    ids=str,
)
async def test_a_replay_is_whole_or_a_gap_is_declared_with_a_snapshot(
    server: RunningServer, cursor: Json, outcome: str
) -> None:
    head = MAX_REPLAY_EVENTS + 2
    conversation_id = await stored(server.parts.store, [STARTED, *(message(f"{n}") for n in range(head - 1))])

    async with connected(server.address, conversation_id, **cursor) as client:
        handshake = await client.until_live()
        await stored(server.parts.store, [message("one more")], after=head, of=conversation_id)
        await client.collect(until_seq=head + 1)

    assert resume_of(handshake)["outcome"] == outcome
    if outcome == "resumed":
        assert resume_of(handshake)["replay_count"] == len(handshake[1:-1])
    else:
        assert handshake[1]["payload"]["as_of_seq"] == head
        assert [one["text"] for one in handshake[1]["payload"]["messages"]] == [f"{n}" for n in range(451, 501)]


class Writing:
    """Appends without pause, by turns from this process and from another, to one conversation after the other."""

    def __init__(self, here: EventStore, elsewhere: EventStore) -> None:
        self._stores = (here, elsewhere)
        self.conversation_id = ConversationId("")
        self.version = 0

    async def run(self) -> None:
        """For ever."""
        while True:
            begun = await stored(self._stores[0], [STARTED])
            self.conversation_id, self.version = begun, 1
            while self.version < EVENTS_OF_A_CONVERSATION:
                count = random.choice((1, 1, 1, 2, 5))
                events = [message(f"{self.version + n}") for n in range(count)]
                await stored(random.choice(self._stores), events, after=self.version, of=begun)
                self.version += count
                await anyio.sleep(count / EVENTS_PER_S)


@asynccontextmanager
async def writing(server: RunningServer) -> AsyncIterator[Writing]:
    """Writers at work, in this process and another."""
    conninfo = service_conninfo(server.dsn, statement_timeout_s=5, role=None)
    async with running_appender(conninfo) as elsewhere, anyio.create_task_group() as tasks:
        work = Writing(server.parts.store, elsewhere)  # type: ignore[arg-type] # it only appends
        tasks.start_soon(work.run)
        while not work.version:  # noqa: ASYNC110 - nothing tells it
            await anyio.sleep(0.01)
        yield work
        tasks.cancel_scope.cancel()


async def test_a_thousand_subscriptions_in_the_middle_of_writing_have_neither_hole_nor_double(
    test_databases: TestDatabases,
) -> None:
    trials = iter(range(TRIALS))
    outcomes = []

    async def subscribe(server: RunningServer, work: Writing) -> None:
        for trial in trials:
            after = random.randint(0, work.version) if trial % 2 else None
            async with connected(server.address, work.conversation_id, after=after) as client:
                handshake = await client.until_live()  # which checks the chain, as everything that follows
                outcomes.append(resume_of(handshake)["outcome"])
                head = resume_of(handshake)["head"]
                if head < EVENTS_OF_A_CONVERSATION:
                    await client.collect(until_seq=head + 1)

    with test_databases.clone() as dsn:
        async with running_server(dsn) as server, writing(server) as work, anyio.create_task_group() as tasks:
            for _ in range(TRIALS_AT_ONCE):
                tasks.start_soon(subscribe, server, work)

    assert outcomes.count("fresh") == outcomes.count("resumed") == TRIALS / 2


async def test_a_snapshot_of_long_messages_is_no_larger_than_clients_take(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    for number in range(40):
        await rest.given_message(conversation_id, content=str(number) + "x" * 32_000, role="system")

    async with connected(server.address, conversation_id) as client:
        _, snapshot, _ = await client.until_live()

    shown = [message["text"].partition("x")[0] for message in snapshot["payload"]["messages"]]
    assert shown == [str(number) for number in range(40 - len(shown), 40)]
    assert 10 <= len(shown) < 40
    assert len(client.texts[1]) < 2**20
