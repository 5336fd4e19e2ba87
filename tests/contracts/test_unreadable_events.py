"""Bytes that are no event: told as what they are, with their place and without a word of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.codec.events import SCHEMA_VERSIONS, decode, encode, topic_of
from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from domain.conversation import events as e
from domain.errors import CorruptEvent, UnknownEvent, UnreadableEvent
from domain.ids import DEFAULT_TENANT, ConversationId, EventId
from domain.ports import UnreadablePlace
from tests.support.appends import new_conversation
from tests.support.decider import message_id, numbered_uuid
from tests.support.recording import origin

SECRET = "swordfish"
SOUND = encode(
    EventId(numbered_uuid(1)),
    origin(),
    e.MessageRecorded(message_id=message_id(1), role="user", content=f"my word is {SECRET}"),
)
TOPIC = "message_recorded.v1"

DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda _: b"",
    lambda sound: sound[: len(sound) // 2],
    lambda sound: sound.replace(b"swordfish", b"\xff\xfe"),
    lambda sound: sound.replace(b'"role":"user"', b'"role":"swordfish"'),
    lambda sound: sound.replace(b'"my word is swordfish"', b"4711"),
    lambda sound: sound.replace(b'"data":', b'"deta":'),
    lambda sound: sound.replace(b'"occurred_at":"2026', b'"occurred_at":"swordfish'),
    lambda sound: sound.replace(b'"my word is swordfish"', b"[" * 100_000),
]


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresEventStore]:
    async with read_pool(database, 2) as pool:
        yield PostgresEventStore(BatchingAppender(database, AppendLimits()), pool)


def insert(dsn: str, conversation_id: ConversationId, *events: tuple[str, bytes]) -> list[int]:
    """Store the bytes under these topics, from version 1 on. Gives the positions."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = [
            connection.execute(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)"
                " RETURNING notification_id",
                [conversation_id, version, topic, state],
            ).fetchone()
            for version, (topic, state) in enumerate(events, start=1)
        ]
    return [row[0] for row in rows if row]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_bytes_are_a_corrupt_event_of_which_nothing_is_told(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CorruptEvent) as caught:
        decode(TOPIC, damage(SOUND))

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.topic == TOPIC


@given(state=st.binary(), topic=st.sampled_from([f"{tag}.v{version}" for tag, version in SCHEMA_VERSIONS.items()]))
def test_no_bytes_are_anything_but_an_event_or_unreadable(state: bytes, topic: str) -> None:
    with pytest.raises(CorruptEvent):
        decode(topic, state)


@given(cut=st.integers(0, len(SOUND)), byte=st.integers(0, 255), topic=st.text())
def test_no_bytes_like_those_of_an_event_are_anything_else(cut: int, byte: int, topic: str) -> None:
    for name in (TOPIC, topic):
        with suppress(UnreadableEvent):
            stored, _ = decode(name, SOUND[:cut] + bytes([byte]) + SOUND[cut + 1 :])
            assert topic_of(stored.data) == name


def test_bytes_of_another_event_than_the_topic_says_are_corrupt() -> None:
    with pytest.raises(CorruptEvent):
        decode("message_corrected.v1", SOUND)


async def test_the_log_goes_on_and_tells_where_the_event_stands(database: str, store: PostgresEventStore) -> None:
    conversation_id = new_conversation()
    positions = insert(database, conversation_id, (TOPIC, SOUND), (TOPIC, b"{}"), ("mind_read.v1", SOUND))

    page = await store.read_page(0, 10)

    assert [recorded.version for recorded in page.events] == [1]
    assert page.last_position == positions[-1]
    assert page.unreadable == [
        UnreadablePlace(
            tenant_id=DEFAULT_TENANT,
            conversation_id=conversation_id,
            version=version,
            position=positions[version - 1],
            topic=topic,
            code=code,
        )
        for version, topic, code in ((2, TOPIC, "corrupt_event"), (3, "mind_read.v1", "unknown_event"))
    ]
    assert page.unknown_events == 1


async def test_the_conversation_is_refused_and_the_error_knows_the_place(
    database: str, store: PostgresEventStore
) -> None:
    for kind, event in ((CorruptEvent, (TOPIC, b"{}")), (UnknownEvent, ("mind_read.v1", SOUND))):
        conversation_id = new_conversation()
        positions = insert(database, conversation_id, (TOPIC, SOUND), event)
        with pytest.raises(kind) as caught:
            await store.read(DEFAULT_TENANT, conversation_id)
        assert (caught.value.event_version, caught.value.event_position) == (2, positions[1])
