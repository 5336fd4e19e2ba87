"""The history to measure on is one that the service could have written."""

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from benchmarks.history import CONVERSATION_EVENTS, CONVERSATIONS_AT_ONCE, LASTING, TENANTS, add_long_conversation, fill
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.conversation.transitions import TRANSITIONS, State
from domain.ids import DEFAULT_TENANT, ConversationId, TenantId
from domain.ports import RecordedEvent
from projections.history import message_rows
from tests.support.projecting import GivenLog, project_all, take_lead

CONVERSATIONS = 2 * CONVERSATIONS_AT_ONCE
LONG_EVENTS = 110


async def all_events(dsn: str) -> list[RecordedEvent]:
    async with read_pool(dsn, 1) as pool:
        store = PostgresEventStore(BatchingAppender(dsn, AppendLimits()), pool)
        page = await store.read_page(0, 100_000)
    assert not page.unknown_events
    return list(page.events)


def by_conversation(events: list[RecordedEvent]) -> dict[tuple[TenantId, ConversationId], list[RecordedEvent]]:
    histories: dict[tuple[TenantId, ConversationId], list[RecordedEvent]] = {}
    for recorded in events:
        histories.setdefault((recorded.tenant_id, recorded.conversation_id), []).append(recorded)
    return histories


def folded(history: list[RecordedEvent]) -> Conversation:
    """The conversation, of which every transition was legal."""
    conversation = Conversation(id=history[0].conversation_id, tenant_id=history[0].tenant_id)
    for version, recorded in enumerate(history, start=1):
        assert recorded.version == version
        assert conversation.state in TRANSITIONS[type(recorded.event)].sources
        conversation = fold(conversation, (recorded,))
    return conversation


async def test_a_filled_store_decodes_folds_and_projects(database: str) -> None:
    # when a store is filled in two goes
    for _ in range(2):
        await fill(database, CONVERSATIONS * CONVERSATION_EVENTS // 2)
    # then it holds whole conversations of several tenants, most of which have ended
    events = await all_events(database)
    conversations = [folded(history) for history in by_conversation(events).values()]
    lasting = [conversation for conversation in conversations if conversation.state is not State.ENDED]
    assert len(conversations) == CONVERSATIONS
    assert {conversation.tenant_id for conversation in conversations} == set(TENANTS)
    assert 0 < len(lasting) <= CONVERSATIONS // LASTING + 1
    assert len(events) == CONVERSATIONS * CONVERSATION_EVENTS - len(lasting)
    # and no id twice
    assert len({recorded.event_id for recorded in events}) == len(events)
    assert len({recorded.origin.command_id for recorded in events}) == len(events)
    # and it projects
    async with PostgresProjectionStore(database).session() as session:
        await take_lead(session)
        assert await project_all(GivenLog(events), session) == events[-1].position


async def test_a_long_conversation_has_all_its_messages(database: str) -> None:
    await fill(database, CONVERSATION_EVENTS)

    conversation_id = await add_long_conversation(database, LONG_EVENTS)

    history = by_conversation(await all_events(database))[DEFAULT_TENANT, conversation_id]
    assert len(history) == LONG_EVENTS
    conversation = folded(history)
    assert conversation.state is not State.ENDED
    assert conversation.message_count == len(message_rows(history)) > LONG_EVENTS // 3
