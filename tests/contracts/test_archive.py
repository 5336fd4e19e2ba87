"""The archive: what moves, what stays, that nothing is lost or changed on the way, and that every reader sees both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from adapters.codec.events import topic_of
from adapters.eventsourcing import ApplicationRecorder, Factory
from adapters.postgres.archive import BEGINNING, Chosen, MayNotArchive, PostgresArchive
from adapters.postgres.connection import APPLICATION_ROLE, service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from app.operations import archiving
from app.operations.archiving import archive
from app.operations.throttle import Throttle
from benchmarks.history import CONVERSATION_EVENTS, CONVERSATIONS_AT_ONCE, TENANTS, fill
from domain.conversation.events import ConversationEnded
from domain.errors import VersionConflict
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from tests.support.appends import an_append, running_appender
from tests.support.library_watcher import library_environment
from tests.support.read_tables import project_stored_events

CONVERSATIONS = CONVERSATIONS_AT_ONCE
EVENTS = CONVERSATIONS * CONVERSATION_EVENTS
MANY = 10 * EVENTS
EVERYTHING = Chosen(ended_before=datetime.now(UTC))
UNLIMITED = Throttle(None)
MOVED_EVENTS = CONVERSATION_EVENTS - 1
CHANGES = [
    "UPDATE {} SET topic = ''",
    "DELETE FROM {}",
    "TRUNCATE {}",
]
COUNTS = "SELECT (SELECT count(*) FROM stored_events), (SELECT count(*) FROM archived_events)"


@pytest.fixture
async def filled(database: str) -> str:
    """A hundred conversations of four tenants, most of which have ended, and their rows."""
    await fill(database, EVENTS)
    await project_stored_events(database)
    return database


@pytest.fixture
async def store(filled: str) -> AsyncIterator[PostgresEventStore]:
    dsn = service_conninfo(filled, statement_timeout_s=5, role=APPLICATION_ROLE)
    async with running_appender(dsn) as appender, read_pool(dsn, 2) as pool:
        yield PostgresEventStore(appender, pool)


async def everything(dsn: str) -> Sequence[RecordedEvent]:
    """All events in the order of positions."""
    async with running_appender(dsn) as appender, read_pool(dsn, 1) as pool:
        return (await PostgresEventStore(appender, pool).read_page(0, MANY)).events


async def archived(dsn: str, chosen: Chosen = EVERYTHING) -> tuple[int, int]:
    """Archive those that are chosen. How many conversations and events."""
    async with PostgresArchive.connected(dsn) as archive_:
        return await archive(archive_, chosen, UNLIMITED, lambda _conversations, _events: None)


def counts(dsn: str) -> tuple[int, int]:
    """How many events there are in the store, and in the archive."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(COUNTS).fetchone()
    assert row is not None
    return row[0], row[1]


def ended(events: Sequence[RecordedEvent]) -> list[ConversationId]:
    """The conversations that have."""
    return [recorded.conversation_id for recorded in events if isinstance(recorded.event, ConversationEnded)]


async def test_every_reader_finds_every_event_as_it_was(filled: str, store: PostgresEventStore) -> None:
    # given
    events = await everything(filled)
    moved = ended(events)[0]
    history = [recorded for recorded in events if recorded.conversation_id == moved]
    head = await store.head_position()
    # when
    assert await archived(filled) == (len(ended(events)), len(ended(events)) * MOVED_EVENTS)
    # then
    assert counts(filled) == (len(events) - len(ended(events)) * MOVED_EVENTS, len(ended(events)) * MOVED_EVENTS)
    assert await everything(filled) == events
    assert await store.head_position() == head
    assert list(await store.read(history[0].tenant_id, moved)) == history
    assert list(await store.read(history[0].tenant_id, moved, after=3, until=7)) == history[3:7]
    for recorded in history:
        assert await store.find_command(recorded.tenant_id, recorded.origin.command_id) == (recorded,)
    page = await store.read_page(events[700].position, 100)
    assert page.events == events[701:801]


async def test_the_recorders_of_the_library_read_the_archive_too(filled: str) -> None:
    moved = UUID(ended(await everything(filled))[0])
    factory = Factory(library_environment(filled))
    recorder = factory.application_recorder()
    try:
        before = reads(recorder, moved)
        await archived(filled)

        assert reads(recorder, moved) == before
        assert len(before[0]) == CONVERSATION_EVENTS
    finally:
        factory.close()


def reads(recorder: ApplicationRecorder, conversation_id: UUID) -> tuple[list[object], list[object], object]:
    """All that a recorder can be asked."""
    return (
        list(recorder.select_events(conversation_id)),
        list(recorder.select_notifications(1, MANY)),
        recorder.max_notification_id(),
    )


async def test_only_what_has_ended_before_the_time_moves(filled: str) -> None:
    ends = sorted(
        recorded.origin.occurred_at
        for recorded in await everything(filled)
        if isinstance(recorded.event, ConversationEnded)
    )
    middle = ends[len(ends) // 2]

    conversations, _ = await archived(filled, Chosen(ended_before=middle))

    assert conversations == sum(end < middle for end in ends)


async def test_only_what_is_the_tenants_moves(filled: str) -> None:
    events = await everything(filled)
    theirs = {recorded.conversation_id for recorded in events if recorded.tenant_id == TENANTS[1]}

    conversations, _ = await archived(filled, Chosen(ended_before=EVERYTHING.ended_before, tenant_id=TENANTS[1]))

    assert conversations == len(theirs & set(ended(events)))
    with psycopg.connect(filled, autocommit=True) as connection:
        tenants = connection.execute("SELECT DISTINCT tenant_id::text FROM archived_events").fetchall()
    assert tenants == [(TENANTS[1],)]


async def test_what_lives_never_moves_whoever_asks(filled: str) -> None:
    events = await everything(filled)
    living = sorted({recorded.conversation_id for recorded in events} - set(ended(events)))
    assert living

    async with PostgresArchive.connected(filled) as archive_:
        assert await archive_.archive(living) == 0


async def test_the_next_time_there_is_nothing_left_to_move(filled: str) -> None:
    await archived(filled)

    assert await archived(filled) == (0, 0)


async def test_it_goes_on_where_it_was_interrupted(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "BATCH_CONVERSATIONS", 10)
    events = await everything(filled)

    def interrupt(_conversations: int, _events: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        async with PostgresArchive.connected(filled) as archive_:
            await archive(archive_, EVERYTHING, UNLIMITED, interrupt)
    assert counts(filled)[1] == 10 * MOVED_EVENTS

    assert (await archived(filled))[0] == len(ended(events)) - 10
    assert await everything(filled) == events


async def test_two_at_once_move_everything_once(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "BATCH_CONVERSATIONS", 10)
    events = await everything(filled)

    (_, one), (_, other) = await asyncio.gather(archived(filled), archived(filled))

    assert one + other == len(ended(events)) * MOVED_EVENTS
    assert await everything(filled) == events


async def test_one_that_is_brought_back_stands_where_it_stood(filled: str) -> None:
    events = await everything(filled)
    conversation_id = ended(events)[0]
    await archived(filled)
    stored, kept = counts(filled)

    async with PostgresArchive.connected(filled) as archive_:
        assert await archive_.restore(conversation_id) == MOVED_EVENTS
        assert await archive_.restore(conversation_id) == 0

    assert counts(filled) == (stored + MOVED_EVENTS, kept - MOVED_EVENTS)
    assert await everything(filled) == events
    assert (await archived(filled))[1] == MOVED_EVENTS


async def test_what_comes_late_is_appended_behind_what_moved(filled: str, store: PostgresEventStore) -> None:
    events = await everything(filled)
    last = next(recorded for recorded in events if isinstance(recorded.event, ConversationEnded))
    await archived(filled)
    place = (last.conversation_id, last.version)

    # neither a second beginning, nor in the middle, nor with a hole
    for version in (0, 1, 5, last.version - 1, last.version + 1):
        with pytest.raises(VersionConflict) as conflict:
            await store.append(an_append(last.conversation_id, version, tenant_id=last.tenant_id))
        assert conflict.value.version == last.version
    # but behind the last one
    (late,) = await store.append(an_append(*place, tenant_id=last.tenant_id))
    assert late.version == last.version + 1
    assert (await store.read(last.tenant_id, last.conversation_id))[-2:] == (last, late)
    # and the next archiving takes what was the last before
    async with PostgresArchive.connected(filled) as archive_:
        assert await archive_.archive([last.conversation_id]) == 1
    assert len(await store.read(last.tenant_id, last.conversation_id)) == late.version


async def test_who_appends_meanwhile_and_who_reads_meanwhile_notices_nothing(
    filled: str, store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "BATCH_CONVERSATIONS", 5)
    events = await everything(filled)
    task = asyncio.create_task(archived(filled))
    appended: list[RecordedEvent] = []
    for conversation_id in ended(events):
        tenant_id = next(recorded.tenant_id for recorded in events if recorded.conversation_id == conversation_id)
        appended += await store.append(an_append(conversation_id, CONVERSATION_EVENTS, tenant_id=tenant_id))
        page = await store.read_page(0, MANY)
        assert page.events == [*events, *appended]
    await task

    assert await everything(filled) == [*events, *appended]


@pytest.mark.parametrize("table", ["stored_events", "archived_events"])
@pytest.mark.parametrize("change", CHANGES)
async def test_nobody_changes_either_table_by_other_means(filled: str, table: str, change: str) -> None:
    await archived(filled)
    before = counts(filled)

    with psycopg.connect(filled, autocommit=True) as owner, pytest.raises(RestrictViolation, match="never changed"):
        owner.execute(change.format(table))
    application = service_conninfo(filled, statement_timeout_s=5, role=APPLICATION_ROLE)
    with psycopg.connect(application, autocommit=True) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(change.format(table))

    assert counts(filled) == before


async def test_an_event_that_is_not_the_same_in_the_archive_stays(filled: str) -> None:
    events = await everything(filled)
    conversation_id = ended(events)[0]
    forge = """
        INSERT INTO archived_events
        SELECT originator_id, originator_version, topic, 'forged', notification_id, tenant_id, command_id, recorded_at
        FROM stored_events WHERE originator_id = %s AND originator_version = 2"""
    with psycopg.connect(filled, autocommit=True) as owner:
        owner.execute(forge, [conversation_id])

        with pytest.raises(RestrictViolation):
            owner.execute("DELETE FROM stored_events WHERE originator_id = %s", [conversation_id])


async def test_the_application_may_not_archive(filled: str) -> None:
    application = service_conninfo(filled, statement_timeout_s=5, role=APPLICATION_ROLE)
    conversations = ended(await everything(filled))

    async with PostgresArchive.connected(application) as archive_:
        with pytest.raises(MayNotArchive, match="owns the tables"):
            await archive_.archive(conversations)
        with pytest.raises(MayNotArchive):
            await archive_.restore(conversations[0])
    assert counts(filled)[1] == 0


async def test_what_would_move_is_counted_before(filled: str) -> None:
    events = await everything(filled)

    async with PostgresArchive.connected(filled) as archive_:
        assert await archive_.count(EVERYTHING) == (len(ended(events)), len(ended(events)) * MOVED_EVENTS)
        assert await archive_.count(Chosen(ended_before=datetime.now(UTC) - timedelta(days=5_000))) == (0, 0)
        batch = await archive_.next_batch(EVERYTHING, BEGINNING, limit=7)
    assert len(batch.conversations) == 7
    assert counts(filled)[1] == 0


async def test_the_last_event_of_each_stays(filled: str) -> None:
    await archived(filled)

    with psycopg.connect(filled, autocommit=True) as connection:
        topics = connection.execute("SELECT DISTINCT topic FROM archived_events").fetchall()
    assert (topic_of(ConversationEnded(ended_reason="user_ended")),) not in topics
