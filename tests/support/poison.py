"""Events that cannot become rows, put into a database as only its owner can, and taken out again."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.sql import SQL, Literal

from adapters.codec import events as codec
from app.ports import ReadModels
from domain.conversation.conversation import Conversation
from domain.conversation.events import Event
from domain.conversation.evolution import fold
from domain.ids import DEFAULT_TENANT, ConversationId, EventId
from domain.ports import EventStore
from tests.support.appends import new_id
from tests.support.expected_rows import expected_messages, expected_session
from tests.support.projecting import all_messages
from tests.support.recording import origin

CORRUPT = b'{"event_id":"swordf\xff'


@contextmanager
def as_owner(dsn: str) -> Iterator[psycopg.Connection]:
    """A connection that may also change what is stored."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection
        connection.execute("NOTIFY stored_events")


def insert_event(dsn: str, conversation_id: str, version: int, topic: str, state: bytes) -> None:
    """Store these bytes as a version of the conversation."""
    with as_owner(dsn) as connection:
        connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
            [conversation_id, version, topic, state],
        )


def repair_event(dsn: str, conversation_id: str, version: int, event: Event) -> None:
    """Put what was meant in the place of what is stored."""
    state = codec.encode(EventId(new_id()), origin(), event)
    with as_owner(dsn) as connection:
        connection.execute(
            "UPDATE stored_events SET topic = %s, state = %s WHERE originator_id = %s AND originator_version = %s",
            [codec.topic_of(event), state, conversation_id, version],
        )


def refuse_content(dsn: str, content: str) -> None:
    """From now on the read table takes no message with this content."""
    function = SQL(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.content = {} THEN RAISE EXCEPTION 'no: %', NEW.content; END IF; RETURN NEW; END $$"
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(function.format(Literal(content)))
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON conversation_messages_v1"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )


def accept_content(dsn: str) -> None:
    """Take back what `refuse_content` did."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TRIGGER refuse ON conversation_messages_v1")
        connection.execute("DROP FUNCTION refuse")


async def then_rows_are_the_fold(store: EventStore, models: ReadModels, conversation_id: str) -> None:
    """P4 for one conversation of the tenant that everybody is."""
    empty = Conversation(id=ConversationId(conversation_id), tenant_id=DEFAULT_TENANT)
    history = await store.read(DEFAULT_TENANT, empty.id)
    assert await models.get_conversation(DEFAULT_TENANT, empty.id) == expected_session(fold(empty, history), history)
    assert await all_messages(models, DEFAULT_TENANT, empty.id) == expected_messages(empty, history)
