"""What the archive and the snapshots cost those who need neither: a look into an index, and nothing that grows."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import psycopg
import pytest

from adapters.codec.snapshots import FINGERPRINT
from adapters.postgres.archive import PostgresArchive
from adapters.postgres.connection import service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from adapters.postgres.snapshots import PostgresSnapshots
from adapters.postgres.statements import statement
from benchmarks.history import CONVERSATION_EVENTS, CONVERSATIONS_AT_ONCE, fill
from domain.ids import ConversationId, TenantId
from tests.support.appends import running_appender
from tests.support.plans import nodes_of
from tests.support.postgres import TestDatabases

ENOUGH_FOR_A_KEPT_PLAN: Final = 10
EVENTS: Final = 20 * CONVERSATIONS_AT_ONCE * CONVERSATION_EVENTS
PAGE_EVENTS: Final = 500
END: Final = 2**62
GROWING: Final = ("stored_events", "archived_events", "conversation_snapshots")
SCANS: Final = "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname = ANY(%s)"
ENDED: Final = """
    SELECT tenant_id::text, originator_id::text FROM stored_events WHERE topic LIKE 'conversation\\_ended%'
    ORDER BY notification_id"""
PAGES_OF_A_LOOK: Final = 4
"""Into an index of so many rows that ends nowhere."""


@pytest.fixture(scope="module")
def place() -> list[tuple[TenantId, ConversationId]]:
    """The conversations that have ended; the first half of them is in the archive."""
    return []


@pytest.fixture(scope="module")
async def filled(test_databases: TestDatabases, place: list[tuple[TenantId, ConversationId]]) -> AsyncIterator[str]:
    """Forty thousand events, half of which are in the archive."""
    with test_databases.clone() as dsn:
        await fill(dsn, EVENTS)
        with psycopg.connect(dsn, autocommit=True) as connection:
            place += [(TenantId(row[0]), ConversationId(row[1])) for row in connection.execute(ENDED)]
            async with PostgresArchive.connected(dsn) as archive:
                await archive.archive([conversation for _, conversation in place[: len(place) // 2]])
            connection.execute("VACUUM ANALYZE stored_events, archived_events, conversation_snapshots")
        yield dsn


@pytest.fixture
def connection(filled: str) -> Iterator[psycopg.Connection]:
    """As the service reads."""
    dsn = service_conninfo(filled, statement_timeout_s=5, role=None)
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def nodes(connection: psycopg.Connection, name: str, parameters: Any) -> list[dict[str, Any]]:
    """The nodes of a statement's plan, with what they read."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(name)}".encode()
    row = psycopg.ClientCursor(connection).execute(explain, parameters).fetchone()
    assert row is not None
    return list(nodes_of(row[0][0]["Plan"]))


def read_of(plan: list[dict[str, Any]], table: str) -> tuple[float, int]:
    """How many rows came from a table, and how many pages were looked at for it."""
    scans = [node for node in plan if node.get("Relation Name") == table]
    assert scans
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in scans)
    return rows, sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in scans)


async def test_a_page_at_the_head_only_looks_whether_the_archive_has_any_of_it(connection: psycopg.Connection) -> None:
    head = connection.execute(statement("head_position")).fetchone()
    assert head is not None

    plan = nodes(connection, "read_page", (head[0] - PAGE_EVENTS, PAGE_EVENTS))

    assert "Merge Append" in {node["Node Type"] for node in plan}
    assert "Sort" not in {node["Node Type"] for node in plan}
    rows, pages = read_of(plan, "archived_events")
    assert (rows, pages <= PAGES_OF_A_LOOK) == (0, True)


async def test_a_page_of_long_ago_is_read_in_order_from_both(connection: psycopg.Connection) -> None:
    plan = nodes(connection, "read_page", (0, PAGE_EVENTS))

    assert "Sort" not in {node["Node Type"] for node in plan}
    assert read_of(plan, "archived_events")[0] + read_of(plan, "stored_events")[0] <= PAGE_EVENTS + 2


async def test_a_living_conversation_is_loaded_with_a_look_into_archive_and_snapshots(
    connection: psycopg.Connection, place: list[tuple[TenantId, ConversationId]]
) -> None:
    tenant_id, conversation_id = place[-1]
    named = {"tenant": tenant_id, "conversation": conversation_id, "fingerprint": FINGERPRINT, "until": END}

    for plan in (
        nodes(connection, "load_conversation", named),
        nodes(connection, "read_stream", (tenant_id, conversation_id, 0, END)),
    ):
        assert read_of(plan, "stored_events")[0] == CONVERSATION_EVENTS
        rows, pages = read_of(plan, "archived_events")
        assert (rows, pages <= PAGES_OF_A_LOOK) == (0, True)


async def test_an_archived_conversation_is_found_by_its_index(
    connection: psycopg.Connection, place: list[tuple[TenantId, ConversationId]]
) -> None:
    tenant_id, conversation_id = place[0]

    plan = nodes(connection, "read_stream", (tenant_id, conversation_id, 0, END))

    assert read_of(plan, "archived_events")[0] == CONVERSATION_EVENTS - 1
    assert read_of(plan, "stored_events")[0] == 1


async def test_none_of_the_reads_goes_through_a_whole_table(
    filled: str, place: list[tuple[TenantId, ConversationId]]
) -> None:
    tenant_id, conversation_id = place[0]
    before = scans(filled)
    dsn = service_conninfo(filled, statement_timeout_s=5, role=None)

    async with running_appender(dsn) as appender, read_pool(dsn, 1) as pool:
        store = PostgresEventStore(appender, pool)
        snapshots = PostgresSnapshots(pool, store)
        for _ in range(ENOUGH_FOR_A_KEPT_PLAN):
            (first, *_) = await store.read(tenant_id, conversation_id)
            assert await store.find_command(tenant_id, first.origin.command_id) == (first,)
            assert len((await snapshots.load(tenant_id, conversation_id)).events) == CONVERSATION_EVENTS
            await snapshots.nearest(tenant_id, conversation_id)
            await store.read_page(0, 10)
            await store.head_position()

    assert scans(filled) == before


def scans(dsn: str) -> int:
    """How often a whole table was read so far, by connections that are closed by now."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(SCANS, [list(GROWING)]).fetchone()
    assert row is not None
    return int(row[0])
