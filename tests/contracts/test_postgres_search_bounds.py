"""One search does a bounded work, and many searches leave room for everything else."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from adapters.postgres import message_search
from adapters.postgres.connection import service_conninfo
from adapters.postgres.message_search import PostgresMessageSearch, SearchBounds
from adapters.postgres.pool import Pool, read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from app.queries import InvalidQuery
from app.searching import SearchQuery, TooManySearches
from tests.contracts.read_model_cases import write
from tests.support.decider import TENANT_ID
from tests.support.searched import a_talk, all_hits, contents_of

THREE_ROWS_A_TIME = SearchBounds(max_candidates=0, max_rows=3)
FIFTY_BYTES_A_TIME = SearchBounds(max_bytes=50)
MAX_CONNECTIONS = 4
MAX_SEARCHES = 2


@pytest.fixture
def store(database: str) -> PostgresProjectionStore:
    return PostgresProjectionStore(database)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with read_pool(database, 2) as pool:
        yield pool


@pytest.mark.parametrize("bounds", [THREE_ROWS_A_TIME, FIFTY_BYTES_A_TIME])
async def test_a_search_that_came_to_its_bound_goes_on_where_it_stopped(
    store: PostgresProjectionStore, pool: Pool, bounds: SearchBounds
) -> None:
    said = [f"{'needle' if number % 8 == 0 else 'needles are something else'} {number}" for number in range(33)]
    await write(store, a_talk(*said))
    search = PostgresMessageSearch(pool, bounds)

    hits = await all_hits(search, "needle", limit=20)

    assert [hit.message.content for hit in hits] == [f"needle {number}" for number in (32, 24, 16, 8, 0)]


async def test_a_search_for_newer_messages_stops_and_goes_on_as_well(
    store: PostgresProjectionStore, pool: Pool
) -> None:
    await write(store, a_talk("first needle", *(["hay"] * 7), "last needle"))
    search = PostgresMessageSearch(pool, THREE_ROWS_A_TIME)
    place = (await all_hits(search, "first", limit=1))[0].place

    pages = []
    for _ in range(3):
        page = await search.search(TENANT_ID, SearchQuery(words="needle", before=place.as_text()))
        pages.append((contents_of(page), page.has_more))
        place = page.stopped_at or place

    assert pages == [([], True), ([], True), (["last needle"], False)]


async def test_a_search_that_takes_too_long_is_refused_with_the_way_out(
    database: str, store: PostgresProjectionStore
) -> None:
    await write(store, a_talk("needle"))
    dsn = service_conninfo(database, statement_timeout_s=0.05, role=None)
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE conversation_messages_v1 IN ACCESS EXCLUSIVE MODE")
        async with read_pool(dsn, 1) as pool:
            with pytest.raises(InvalidQuery, match="Add a rarer word") as refusal:
                await PostgresMessageSearch(pool).search(TENANT_ID, SearchQuery(words="needle"))
    assert refusal.value.field == "q"


async def test_searches_that_hang_do_not_take_the_connections_of_others(
    database: str, store: PostgresProjectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a table that cannot be read for a while
    monkeypatch.setattr(message_search, "ACQUIRE_TIMEOUT_S", 0.1)
    await write(store, a_talk("needle"))
    dsn = service_conninfo(database, statement_timeout_s=30, role=None)
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE conversation_messages_v1 IN ACCESS EXCLUSIVE MODE")
        async with read_pool(dsn, MAX_CONNECTIONS) as pool:
            await pool.resize(MAX_CONNECTIONS, MAX_CONNECTIONS)
            await pool.wait()
            search = PostgresMessageSearch(pool)
            # when there is one search more than there may be
            tasks = [
                asyncio.create_task(search.search(TENANT_ID, SearchQuery(words="needle")))
                for _ in range(MAX_SEARCHES + 1)
            ]
            refused, hanging = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # then that one is refused, a connection is left for others, and the searches have their answers later
            assert [type(task.exception()) for task in refused] == [TooManySearches]
            async with pool.connection() as free:
                await free.execute("SELECT 1")
            connection.rollback()
            assert [contents_of(page) for page in await asyncio.gather(*hanging)] == [["needle"]] * MAX_SEARCHES
