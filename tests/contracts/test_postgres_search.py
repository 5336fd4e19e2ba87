"""The cases of the search over Postgres, and what only its languages can do."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from string import punctuation

import psycopg
import pytest

from adapters.postgres.connection import service_conninfo
from adapters.postgres.message_search import PostgresMessageSearch, SearchBounds
from adapters.postgres.pool import Pool, read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from app.queries import InvalidQuery
from app.searching import SearchQuery
from domain.conversation import events as e
from tests.contracts.message_search_cases import MessageSearchCases
from tests.contracts.read_model_cases import write
from tests.support.decider import NOON, TENANT_ID, message_id
from tests.support.recording import recorded
from tests.support.searched import a_talk, all_hits, conversation_id, found, marked

LOOKED_AT_ONE_BY_ONE = SearchBounds(max_candidates=0)
TEXTS_THAT_ARE_HARD = [
    "x" * 32_000,
    "\x01" * 100,
    "\u2028 \U0001f600",
    "",
    "'" * 50,
    "word " * 6_000,
    "z9@" * 10_000,
    "<!--" * 8_000,
    "~/" * 16_000,
]
"""Over the last three the parser of Postgres would sit for seconds or minutes, if it saw their signs."""


@pytest.fixture
def store(database: str) -> PostgresProjectionStore:
    return PostgresProjectionStore(service_conninfo(database, statement_timeout_s=5, role=None))


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
    text = "\x02forged\x03 <mark>word</mark> \x02"
    await write(store, a_talk(text))

    (hit,) = (await search.search(TENANT_ID, SearchQuery(words="word"))).hits

    assert list(marked(hit)) == ["word"]
    assert "".join(fragment.text for fragment in hit.fragments) == text


@pytest.mark.parametrize("asked", ["ada@example.com", "Ada", "example", '"ada example"', "EXAMPLE.COM", "ada -charles"])
async def test_signs_are_spaces_in_what_is_said_and_in_what_is_asked(
    store: PostgresProjectionStore, search: PostgresMessageSearch, asked: str
) -> None:
    said = "Mail <ada@example.com>, see https://example.com/a_b"
    await write(store, a_talk(said, "Ada of Example, com-mon", "charles@example.com of ada", language="en"))

    assert said in await found(search, asked)


@pytest.mark.parametrize("asked", ["well-known", '"well known"', "fact -never-known", "known -well-paid"])
async def test_what_stands_between_spaces_is_a_phrase(
    store: PostgresProjectionStore, search: PostgresMessageSearch, asked: str
) -> None:
    await write(store, a_talk("A well-known fact", "Never known: well, a fact", "Well-paid, and known", language="en"))

    assert "A well-known fact" in await found(search, asked)
    assert "Well-paid, and known" not in await found(search, asked)


def test_the_signs_are_the_same_in_the_index_and_in_a_search(database: str) -> None:
    text = "".join(map(chr, range(1, 128)))
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT turnlog_search_text(%s)", [text]).fetchone()

    assert row is not None
    assert row[0] == re.sub(f"[{re.escape(punctuation)}\x02\x03]", " ", text)


@pytest.mark.parametrize("text", TEXTS_THAT_ARE_HARD)
async def test_whatever_is_said_can_be_stored_and_found_beside(
    store: PostgresProjectionStore, search: PostgresMessageSearch, text: str
) -> None:
    await write(store, a_talk(text, "needle", user_id="\U0001d11e" * 255))

    assert await found(search, "needle", user_id="\U0001d11e" * 255) == ["needle"]
    assert await found(search, "needle", user_id="' tenant '") == []


async def test_times_are_compared_to_the_microsecond(
    store: PostgresProjectionStore, search: PostgresMessageSearch
) -> None:
    for number in range(3):
        await write(store, a_talk(f"word {number}", number=number, at=NOON + timedelta(microseconds=number)))

    assert [hit.message.content for hit in await all_hits(search, "word", limit=1)] == ["word 2", "word 1", "word 0"]
