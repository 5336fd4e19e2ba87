"""Among a million messages every read looks at few: the plans as they were carried out, counted in rows and blocks.

The service's connections never read a table from end to end, whatever it costs. That alone would prove nothing: an
index can be read from end to end as well. So what is asserted is how much was read.
"""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Final

import pytest

from adapters.postgres.message_search import BOUNDS, PostgresMessageSearch
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.statistics import PostgresStatistics
from app.queries import StatisticsQuery
from app.searching import SearchPlace
from domain.conversation.transitions import State
from domain.ids import MessageId
from tests.support.decider import numbered_uuid
from tests.support.many_messages import (
    CONVERSATIONS,
    LARGE,
    LIVING,
    LONG_CONVERSATION,
    MESSAGES_OF_EACH,
    MESSAGES_OF_THE_LONG_ONE,
    SMALL,
    conversation_of,
    fill,
    start_of,
)
from tests.support.plans import STATEMENTS, plan_watch
from tests.support.postgres import TestDatabases
from tests.support.projecting import nobody_projects
from tests.support.watched_reads import Asked, Bound, Read, conversations, messages, search

OPERATORS: Final = re.compile("archive|export|verify|rebuild|projection|statistics_turns")
"""Statements that read all there is, or write, or read the events."""


MIDDLE: Final = conversation_of(25_001)
MIDDLE_MESSAGE: Final = MessageId(numbered_uuid(76 * MESSAGES_OF_EACH + 9))
MIDDLE_PLACE: Final = SearchPlace(start_of(25_001), MIDDLE, MessageId(numbered_uuid(1))).as_text()
OF_THE_LIVING: Final = Bound(LIVING + 25, LIVING + 60)
OF_ENDS: Final = Bound(25, 600)
"""The whole index of the order has some 450 blocks: a range of ends is looked for in it, and fetches its rows alone."""

OF_FEW_ENDS: Final = Bound(500, 600)
"""A range of 450 ends may as well be sorted."""

OF_A_SMALL_TENANT: Final = Bound(CONVERSATIONS // 100 + 1, 600)
OF_A_ROLE_THAT_IS_NOT_THERE: Final = Bound(MESSAGES_OF_THE_LONG_ONE + MESSAGES_OF_EACH, 1_000)
CANDIDATES: Final = BOUNDS.max_candidates + 1
OF_COMMON_WORDS: Final = Bound(CANDIDATES + 200, 1_000)
OF_COMMON_WORDS_OF_FEW: Final = Bound(CANDIDATES + 10_200, 2_000)
"""A tenant of ten thousand messages."""

OF_CANDIDATES: Final = Bound(2 * CANDIDATES, 5_000)
OF_RARE_WORDS: Final = Bound(50, 800)
TO_THE_BOUND: Final = Bound(CANDIDATES + BOUNDS.max_rows + 200, 2_500)
"""Where the table of the messages has more than 20,000 blocks."""

READS: Final[dict[str, Read]] = {
    "conversations, newest first": conversations("newest"),
    "conversations, oldest first": conversations("newest", order="asc"),
    "conversations of a small tenant": conversations("newest", tenant_id=SMALL),
    "conversations after one": conversations("newest", after=MIDDLE),
    "conversations before one": conversations("newest", before=MIDDLE),
    "conversations after one, oldest first": conversations("newest", after=MIDDLE, order="asc"),
    "conversations before one, oldest first": conversations("newest", before=MIDDLE, order="asc"),
    "conversations of a user": conversations("user", user_id="user-7"),
    "conversations of a user after one": conversations("user", user_id="user-7", after=MIDDLE),
    "conversations of a user in a state": conversations("user", user_id="user-7", state=State.ENDED),
    "conversations of nobody": conversations("user", user_id="nobody"),
    "conversations in a state of the living": conversations("(living|active)", OF_THE_LIVING, state=State.SPEAKING),
    "conversations in no state": conversations("(living|active)", OF_THE_LIVING, state=State.PROCESSING),
    "conversations that ended": conversations("newest", OF_THE_LIVING, state=State.ENDED),
    "conversations that live": conversations("(living|active)", OF_THE_LIVING, is_active=True),
    "conversations that live, of a small tenant": conversations("living", is_active=True, tenant_id=SMALL),
    "conversations that live no more": conversations("newest", OF_THE_LIVING, is_active=False),
    "conversations that started in a range": conversations(
        "newest", started_from=start_of(900), started_until=start_of(1_000)
    ),
    "conversations that ended in a range": conversations(
        "(newest|tenant_ended)", OF_FEW_ENDS, ended_from=start_of(9_000), ended_until=start_of(9_500)
    ),
    "conversations that ended long ago": conversations("(newest|tenant_ended)", OF_ENDS, ended_until=start_of(5_000)),
    "conversations that ended since": conversations("(newest|tenant_ended)", OF_ENDS, ended_from=start_of(5_000)),
    "conversations that ended lately, oldest first": conversations(
        "(newest|tenant_ended)", OF_ENDS, ended_from=start_of(48_000), order="asc"
    ),
    "conversations with common metadata": conversations("newest", Bound(200, 60), metadata={"plan": "gold"}),
    "conversations with rare metadata": conversations("metadata", metadata={"number": "77"}),
    "conversations with metadata of both kinds": conversations("metadata", metadata={"plan": "free", "number": "77"}),
    "conversations with metadata that none has": conversations("metadata", metadata={"plan": "silver"}),
    "conversations with metadata, of a small tenant": conversations(
        "(metadata|newest|language)", OF_A_SMALL_TENANT, tenant_id=SMALL, metadata={"plan": "gold"}
    ),
    "conversations of all that is given": conversations(
        "(user|metadata|newest)",
        Bound(100, 600),
        user_id="user-7",
        state=State.ENDED,
        started_from=start_of(1),
        ended_until=start_of(40_000),
        metadata={"plan": "gold"},
    ),
    "a conversation": Read(
        call=lambda asked: asked.models.get_conversation(LARGE, MIDDLE),
        statements=("get_conversation",),
        index="conversation_sessions_v1_pkey",
        bound=Bound(1, 5),
    ),
    "messages": messages(),
    "messages, newest first": messages(order="desc"),
    "messages after one": messages(after=MIDDLE_MESSAGE),
    "messages before one": messages(before=MIDDLE_MESSAGE),
    "messages after one, newest first": messages(after=MIDDLE_MESSAGE, order="desc"),
    "messages before one, newest first": messages(before=MIDDLE_MESSAGE, order="desc"),
    "messages of a role": messages(role="assistant"),
    "messages of a role before one": messages(role="user", before=MIDDLE_MESSAGE),
    "messages of a long conversation": messages(number=LONG_CONVERSATION),
    "messages of a long conversation, newest first": messages(number=LONG_CONVERSATION, order="desc"),
    "messages of a role that a long conversation has not": messages(
        OF_A_ROLE_THAT_IS_NOT_THERE, number=LONG_CONVERSATION, role="developer"
    ),
    "search for a common word": search("many", OF_COMMON_WORDS, words="table"),
    "search for a common word after a place": search("many", OF_COMMON_WORDS, words="table", after=MIDDLE_PLACE),
    "search for a common word before a place": search("many", OF_COMMON_WORDS, words="table", before=MIDDLE_PLACE),
    "search for a common word in a range": search(
        "many", OF_COMMON_WORDS, words="table", created_until=start_of(25_001)
    ),
    "search for a common word of a role": search("many", OF_COMMON_WORDS, words="message", role="user"),
    "search for a common word of a user": search("few", OF_CANDIDATES, words="table", user_id="user-7"),
    "search for a common word in a conversation": search(
        "many", Bound(100, 150), words="table", conversation_id=MIDDLE
    ),
    "search for a common word, by a small tenant": search(
        "many", OF_COMMON_WORDS_OF_FEW, words="table", tenant_id=SMALL
    ),
    "search for a rare word": search("few", OF_RARE_WORDS, words="xylophones"),
    "search for a rare word before a place": search("few", OF_RARE_WORDS, words="xylophones", before=MIDDLE_PLACE),
    "search for a rare word, by a small tenant": search(
        "few", OF_RARE_WORDS, words="xylophones", tenant_id=SMALL, has_hits=False
    ),
    "search for a word that nobody said": search("few", OF_RARE_WORDS, words="zeppelin", has_hits=False),
    "search for common words that a rare one narrows": search("few", OF_RARE_WORDS, words="message room xylophones"),
    "search for a word that is common among the old alone": search(
        "many", TO_THE_BOUND, words="inkwell", has_hits=False
    ),
    "search for a phrase that nobody said": search("many", TO_THE_BOUND, words='"room message"', has_hits=False),
    "statistics of a day": Read(
        call=lambda asked: asked.statistics.sessions(
            LARGE, StatisticsQuery(since=start_of(20_000), until=start_of(20_000) + timedelta(days=1))
        ),
        statements=("statistics_sessions",),
        index="conversation_sessions_v1_(newest|tenant_ended|active|living|language)_idx",
        bound=Bound(1_500, 1_500),
    ),
    "counts of all": Read(
        call=lambda asked: asked.models.count_sessions(),
        statements=("count_sessions",),
        index="conversation_sessions_v1_",
        bound=Bound(CONVERSATIONS + LIVING, 600),
    ),
}


@pytest.fixture(scope="module")
def filled(test_databases: TestDatabases) -> Iterator[str]:
    """The database with a million messages."""
    with test_databases.clone() as dsn:
        fill(dsn)
        yield dsn


@pytest.fixture(scope="module")
async def asked(filled: str) -> AsyncIterator[Asked]:
    """As the service asks it."""
    async with plan_watch(filled) as watch:
        yield Asked(
            watch,
            PostgresReadModels(watch.pool, nobody_projects()),
            PostgresMessageSearch(watch.pool),
            PostgresStatistics(watch.pool),
        )


@pytest.mark.parametrize("name", READS)
async def test_a_read_looks_at_little_of_what_there_is(asked: Asked, name: str) -> None:
    read = READS[name]
    asked.watch.take()

    await read.call(asked)

    plans = [plan for plan in asked.watch.take() if plan.name is not None]
    assert tuple(plan.name for plan in plans) == read.statements
    for plan in plans:
        assert not plan.scanned_tables
        assert any(re.match(read.index, index) for index in plan.indexes), plan.indexes
    told = [(plan.name, plan.rows, plan.blocks, plan.indexes) for plan in plans]
    assert sum(plan.rows for plan in plans) <= read.bound.rows, told
    assert sum(plan.blocks for plan in plans) <= read.bound.blocks, told


def test_every_statement_that_reads_the_tables_is_looked_at() -> None:
    reading = {
        path.stem
        for path in STATEMENTS.glob("*.sql")
        if re.search(r"(?:FROM|JOIN) conversation_(?:sessions|messages)\b", path.read_text(encoding="utf-8"))
    }

    of_the_service = {name for name in reading if OPERATORS.match(name) is None}
    assert of_the_service == {name for read in READS.values() for name in read.statements}
