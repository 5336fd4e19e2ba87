"""The cases of the search over Postgres, what only its languages can do, and the bounds of one search."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from adapters.postgres import message_search
from adapters.postgres.connection import service_conninfo
from adapters.postgres.message_search import PostgresMessageSearch, SearchBounds
from adapters.postgres.pool import Pool, read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from app.queries import InvalidQuery
from app.searching import SearchQuery, TooManySearches
from domain.conversation import events as e
from tests.contracts.message_search_cases import MessageSearchCases
from tests.contracts.read_model_cases import write
from tests.support.decider import NOON, TENANT_ID, message_id
from tests.support.recording import recorded
from tests.support.searched import a_talk, all_hits, contents_of, conversation_id, found, marked

LOOKED_AT_ONE_BY_ONE = SearchBounds(max_candidates=0)
THREE_ROWS_A_TIME = SearchBounds(max_candidates=0, max_rows=3)
FIFTY_BYTES_A_TIME = SearchBounds(max_bytes=50)


@pytest.fixture
def store(database: str) -> PostgresProjectionStore:
    return PostgresProjectionStore(database)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    dsn = service_conninfo(database, statement_timeout_s=5, role=None)
    async with read_pool(dsn, 2) as pool:
        yield pool


@pytest.fixture
def search(pool: Pool) -> PostgresMessageSearch:
    return PostgresMessageSearch(pool)


class TestSortedCandidates(MessageSearchCases):
    """As it answers words of few messages."""


class TestLookedAtOneByOne(MessageSearchCases):
    """As it answers words of many."""

    @pytest.fixture
    def search(self, pool: Pool) -> PostgresMessageSearch:
        return PostgresMessageSearch(pool, LOOKED_AT_ONE_BY_ONE)


@pytest.mark.parametrize(
    ("language", "said", "asked"),
    [
        ("en", "We were running late", "run"),
        ("en-GB", "We were running late", "runs"),
        ("EN_us", "We were running late", "run"),
        ("de-AT", "Die Häuser am See", "Haus"),
        ("fr", "Les chevaux mangeaient", "manger"),
        ("es", "Reservaciones para dos", "reservación"),
    ],
)
async def test_words_are_compared_as_the_language_has_it(
    store: PostgresProjectionStore, search: PostgresMessageSearch, language: str, said: str, asked: str
) -> None:
    await write(store, a_talk(said, number=1, language=language))
    await write(store, a_talk(said, number=2, language=None))
    await write(store, a_talk(said, number=3, language="tlh"))

    page = await search.search(TENANT_ID, SearchQuery(words=asked))

    assert [hit.message.session_id for hit in page.hits] == [conversation_id(1)]
    assert len(list(marked(page.hits[0]))) == 1


async def test_a_word_that_one_language_leaves_out_is_found_in_the_others(
    store: PostgresProjectionStore, search: PostgresMessageSearch
) -> None:
    await write(store, a_talk("Die another day", number=1, language="en"))
    await write(store, a_talk("Die Katze", number=2, language="de"))

    assert await found(search, "die") == ["Die another day"]


@pytest.mark.parametrize("bounds", [SearchBounds(), LOOKED_AT_ONE_BY_ONE])
@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ('"big dog"', [0]),
        ('"dog big"', []),
        ('"dog the big"', []),
        ("dog -cat", [2, 0]),
        ('dog -"big dog"', [3, 2]),
        ("cat or bird", [4, 3]),
        ("dog -cat -small", [0]),
        ("the dog", [3, 2, 0]),
        ("DOGS' &|!:*()<->\\ '", [3, 2, 0]),
    ],
)
async def test_phrases_choices_and_exclusions(
    store: PostgresProjectionStore, pool: Pool, asked: str, numbers: list[int], bounds: SearchBounds
) -> None:
    said = ("A big dog", "Nothing", "The dog is not small, but big", "Dogs and cats", "A bird")
    await write(store, a_talk(*said, language="en"))

    assert await found(PostgresMessageSearch(pool, bounds), asked) == [said[number] for number in numbers]


@pytest.mark.parametrize("asked", ["the", "the and of", '"to be or not to be"', "...", "-the", "&|!:*()", "<->"])
async def test_a_search_without_a_word_to_look_for_is_refused(
    store: PostgresProjectionStore, search: PostgresMessageSearch, asked: str
) -> None:
    await write(store, a_talk("To be, or not to be, that is the question", language="en"))

    with pytest.raises(InvalidQuery, match=r"`q` has no word to look for"):
        await search.search(TENANT_ID, SearchQuery(words=asked))


async def test_a_search_of_exclusions_alone_is_refused(search: PostgresMessageSearch) -> None:
    with pytest.raises(InvalidQuery, match=r"`q` says only what must not be"):
        await search.search(TENANT_ID, SearchQuery(words="-dog"))


async def test_what_was_corrected_is_found_by_its_new_words_alone(
    store: PostgresProjectionStore, search: PostgresMessageSearch
) -> None:
    await write(store, a_talk("a tabel for two"))
    corrected = e.MessageCorrected(message_id=message_id(0), content="a table for two")
    await write(store, [recorded(corrected, 3, conversation_id=conversation_id(1))])

    assert await found(search, "table") == ["a table for two"]
    assert await found(search, "tabel") == []


async def test_nothing_that_was_said_can_pass_for_a_mark(
    store: PostgresProjectionStore, search: PostgresMessageSearch
) -> None:
    await write(store, a_talk("\x02forged\x03 <mark>word</mark> \x02"))

    (hit,) = (await search.search(TENANT_ID, SearchQuery(words="word"))).hits

    assert list(marked(hit)) == ["word"]
    assert not any(mark in fragment.text for fragment in hit.fragments for mark in "\x02\x03")


async def test_of_a_long_message_the_pieces_with_the_words_are_shown(
    store: PostgresProjectionStore, search: PostgresMessageSearch
) -> None:
    await write(store, a_talk(f"{'lorem ' * 2_000}needle {'ipsum ' * 2_000}haystack", language="en"))

    (hit,) = (await search.search(TENANT_ID, SearchQuery(words="needle haystack"))).hits

    assert set(marked(hit)) == {"needle", "haystack"}
    assert sum(len(fragment.text) for fragment in hit.fragments) < 600


@pytest.mark.parametrize("text", ["x" * 32_000, "\x01" * 100, "\u2028 \U0001f600", "", "'" * 50, "word " * 6_000])
async def test_whatever_is_said_can_be_stored_and_found_beside(
    store: PostgresProjectionStore, search: PostgresMessageSearch, text: str
) -> None:
    await write(store, a_talk(text, "needle", user_id="\U0001d11e" * 255))

    assert await found(search, "needle", user_id="\U0001d11e" * 255) == ["needle"]
    assert await found(search, "needle", user_id="' tenant '") == []


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
    allowed = message_search.SEARCHES_AT_A_TIME
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE conversation_messages_v1 IN ACCESS EXCLUSIVE MODE")
        async with read_pool(dsn, allowed + 1) as pool:
            search = PostgresMessageSearch(pool)
            # when there is one search more than there may be
            tasks = [
                asyncio.create_task(search.search(TENANT_ID, SearchQuery(words="needle"))) for _ in range(allowed + 1)
            ]
            refused, hanging = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # then that one is refused, a connection is left for others, and the searches have their answers later
            assert [type(task.exception()) for task in refused] == [TooManySearches]
            async with pool.connection() as free:
                await free.execute("SELECT 1")
            connection.rollback()
            assert [contents_of(page) for page in await asyncio.gather(*hanging)] == [["needle"]] * allowed


async def test_times_are_compared_to_the_microsecond(
    store: PostgresProjectionStore, search: PostgresMessageSearch
) -> None:
    for number in range(3):
        await write(store, a_talk(f"word {number}", number=number, at=NOON + timedelta(microseconds=number)))

    assert [hit.message.content for hit in await all_hits(search, "word", limit=1)] == ["word 2", "word 1", "word 0"]
