"""The cases of the statistics over Postgres, the same as a plain loop over random histories, and what they read."""

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from adapters.memory.projection_store import MemoryProjectionStore
from adapters.memory.statistics import MemoryStatistics
from adapters.postgres.connection import service_conninfo
from adapters.postgres.pool import read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.statistics import PostgresStatistics
from app.queries import InvalidQuery
from domain.conversation.events import UserMessageReceived
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from tests.contracts.statistics_cases import EVER, MAX_EVENTS, Given, StatisticsCases, told
from tests.support.decider import TENANT_ID
from tests.support.histories import Happening, happenings
from tests.support.moments import ANSWERED, END, QUESTION
from tests.support.projecting import rows_of
from tests.support.recording import recorded_log
from tests.support.stored_histories import project_events, store_events

EXAMPLES = 60


@pytest.fixture
async def statistics(database: str) -> AsyncIterator[PostgresStatistics]:
    dsn = service_conninfo(database, statement_timeout_s=5, role="turnlog_application")
    async with read_pool(dsn, 1) as pool:
        yield PostgresStatistics(pool, max_events=MAX_EVENTS)


@pytest.fixture(name="given")
def given_events(database: str) -> Given:
    async def given(events: Sequence[RecordedEvent]) -> None:
        with psycopg.connect(database) as connection:
            store_events(connection, events)
        await project_events(PostgresProjectionStore(database), events)

    return given


class TestPostgresStatistics(StatisticsCases):
    """As they serve."""


def of_its_own(log: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """The same with another tenant and other conversations, so that one example does not meet the last."""
    tenant_id, ids = TenantId(str(uuid4())), {event.conversation_id: str(uuid4()) for event in log}
    return [
        replace(event, tenant_id=tenant_id, conversation_id=ConversationId(ids[event.conversation_id])) for event in log
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=EXAMPLES)
@given(happened=happenings())
async def test_whatever_happened_it_is_counted_as_a_plain_loop_counts(
    database: str, given: Given, happened: list[Happening]
) -> None:
    log = of_its_own(recorded_log(happened))
    tenant_id, tables = log[0].tenant_id, MemoryProjectionStore()
    tables.write(rows_of(log))
    plain = MemoryStatistics(tables, log, max_events=len(log))
    await given(log)

    async with read_pool(database, 1) as pool:
        statistics = PostgresStatistics(pool)
        turns = await statistics.turns(tenant_id, EVER)
        sessions = await statistics.sessions(tenant_id, EVER)

    with psycopg.connect(database) as connection:
        query = "SELECT conversation_id::text, turn FROM turn_latencies WHERE tenant_id = %s"
        numbered = connection.execute(query, [tenant_id]).fetchall()
    assert sorted(numbered) == sorted(
        (recorded.conversation_id, recorded.event.turn)
        for recorded in log
        if isinstance(recorded.event, UserMessageReceived)
    )
    expected = await plain.sessions(tenant_id, EVER)
    assert turns == await plain.turns(tenant_id, EVER)
    average_s = sessions.average_duration_seconds
    assert average_s == (
        None if expected.average_duration_seconds is None else pytest.approx(expected.average_duration_seconds)
    )
    assert replace(sessions, average_duration_seconds=None) == replace(expected, average_duration_seconds=None)


async def test_turns_that_were_archived_are_counted_as_before(
    database: str, given: Given, statistics: PostgresStatistics
) -> None:
    await given(told(1, *((second, event) for second, event in enumerate((*ANSWERED, END)))))
    before = await statistics.turns(TENANT_ID, EVER)

    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO archived_events SELECT * FROM stored_events")
        connection.execute("DELETE FROM stored_events")

    assert before.answered == 1
    assert await statistics.turns(TENANT_ID, EVER) == before


async def test_a_text_that_no_column_could_hold_hides_no_turn(database: str) -> None:
    odd = replace(QUESTION, turn=7, content='\0","turn":8', metadata={"turn": "9"})
    with psycopg.connect(database) as connection:
        store_events(connection, told(1, (0, ANSWERED[0]), (1, odd), (2, ANSWERED[-1])))
        rows = connection.execute("SELECT turn, outcome, answer_end_ms FROM turn_latencies").fetchall()

    assert rows == [(7, "answered", 1_000)]


async def test_what_takes_too_long_is_refused_with_the_way_out(database: str) -> None:
    dsn = service_conninfo(database, statement_timeout_s=0.001, role=None)
    async with read_pool(dsn, 1) as pool:
        with pytest.raises(InvalidQuery, match="ask for less"):
            await _count_for_ever(PostgresStatistics(pool))


async def _count_for_ever(statistics: PostgresStatistics) -> None:
    """Sooner or later a statement takes a millisecond."""
    while True:
        await statistics.turns(TENANT_ID, EVER)
