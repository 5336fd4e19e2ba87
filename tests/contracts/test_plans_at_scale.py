"""Among a million messages every read looks at few: the plans as they were carried out, counted in rows and blocks.

The service's connections never read a table from end to end, whatever it costs. That alone would prove nothing: an
index can be read from end to end as well. So what is asserted is how much was read.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Final

import pytest
from msgspec import Struct

from adapters.postgres.message_search import BOUNDS, PostgresMessageSearch
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.statistics import PostgresStatistics
from app.queries import ConversationQuery, MessageQuery, StatisticsQuery
from app.searching import SearchPlace, SearchQuery
from domain.conversation.transitions import State
from domain.ids import MessageId, TenantId
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
from tests.support.plans import STATEMENTS, PlanWatch, plan_watch
from tests.support.postgres import TestDatabases
from tests.support.projecting import nobody_projects

PAGE_ROWS: Final = 25
"""The 20 of a page, the one that tells whether there are more, and the cursor's."""

PAGE_BLOCKS: Final = 60
"""A block for each row of a page, and the way down the indexes."""

SMALL_TENANTS_CONVERSATIONS: Final = CONVERSATIONS // 100
TABLE_BLOCKS: Final = 20_000
"""As many, at least, has the table of the messages: what no read may come near."""

OPERATORS: Final = re.compile("export|verify|rebuild|projection|statistics_turns")
"""Statements that read all there is, or write, or read the events."""


class Asked(Struct, frozen=True):
    """What can be asked, all on one connection that is watched."""

    watch: PlanWatch
    models: PostgresReadModels
    search: PostgresMessageSearch
    statistics: PostgresStatistics


class Read(Struct, frozen=True, kw_only=True):
    """One call, the statements it is answered by, one of the indexes each of them must use, and what it may read."""

    call: Callable[[Asked], Awaitable[object]]
    statements: tuple[str, ...]
    index: str
    max_rows: int = PAGE_ROWS
    max_blocks: int = PAGE_BLOCKS


def conversations(
    index: str,
    *,
    tenant_id: TenantId = LARGE,
    max_rows: int = PAGE_ROWS,
    max_blocks: int = PAGE_BLOCKS,
    **filters: object,
) -> Read:
    """A page of the list of conversations."""
    query = ConversationQuery(**filters)  # type: ignore[arg-type] # as the table says
    is_newest_first = (query.order == "desc") is (query.before is None)
    cursor = ("conversation_cursor",) if query.after or query.before else ()
    return Read(
        call=lambda asked: asked.models.list_conversations(tenant_id, query),
        statements=(*cursor, f"list_conversations_{'newest' if is_newest_first else 'oldest'}_first"),
        index=f"conversation_sessions_v1_({index}|pkey)_idx|conversation_sessions_v1_pkey",
        max_rows=max_rows,
        max_blocks=max_blocks,
    )


def messages(*, number: int = 77, max_rows: int = PAGE_ROWS, max_blocks: int = PAGE_BLOCKS, **filters: object) -> Read:
    """A page of the list of the messages of a conversation."""
    query = MessageQuery(**filters)  # type: ignore[arg-type] # as the table says
    is_oldest_first = (query.order == "asc") is (query.before is None)
    cursor = ("message_cursor",) if query.after or query.before else ()
    return Read(
        call=lambda asked: asked.models.list_messages(LARGE, conversation_of(number), query),
        statements=(*cursor, f"list_messages_{'oldest' if is_oldest_first else 'newest'}_first"),
        index="conversation_messages_v1_(version_idx|pkey)",
        max_rows=max_rows,
        max_blocks=max_blocks,
    )


def search(
    way: str, *, max_rows: int, max_blocks: int, tenant_id: TenantId = LARGE, has_hits: bool = True, **asked_for: object
) -> Read:
    """A page of a search, by the way that it has to take."""
    query = SearchQuery(**asked_for)  # type: ignore[arg-type] # as the table says
    count = () if query.conversation_id else ("search_count",)
    hits = ("search_hits",) if has_hits else ()
    order = "newest" if query.before is None else "oldest"
    return Read(
        call=lambda asked: asked.search.search(tenant_id, query),
        statements=("search_query", *count, f"search_{way}_{order}_first", *hits),
        index="conversation_messages_v1_(search|newest|version)_idx|conversation_(messages|sessions)_v1_(pkey|language_idx)",
        max_rows=max_rows,
        max_blocks=max_blocks,
    )


MIDDLE: Final = conversation_of(25_001)
MIDDLE_MESSAGE: Final = MessageId(numbered_uuid(76 * MESSAGES_OF_EACH + 9))
MIDDLE_PLACE: Final = SearchPlace(start_of(25_001), MIDDLE, MessageId(numbered_uuid(1))).as_text()
OF_LIVING: Final = {"max_rows": LIVING + PAGE_ROWS, "max_blocks": LIVING + PAGE_BLOCKS}
OF_ENDS: Final = {"max_blocks": 600}
"""The whole index of the order has some 450 blocks: a range of ends is looked for in it, and fetches its rows alone."""

OF_FEW_ENDS: Final = {"max_rows": 500, "max_blocks": 600}
"""A range of 450 ends may as well be sorted."""

OF_A_SMALL_TENANT: Final = {"tenant_id": SMALL, "max_rows": SMALL_TENANTS_CONVERSATIONS + 1, "max_blocks": 600}
CANDIDATES: Final = BOUNDS.max_candidates + 1
OF_COMMON_WORDS: Final = {"max_rows": CANDIDATES + 200, "max_blocks": 1_000}
OF_RARE_WORDS: Final = {"max_rows": 50, "max_blocks": 800}
TO_THE_BOUND: Final = {"max_rows": CANDIDATES + BOUNDS.max_rows + 200, "max_blocks": 2_500}

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
    "conversations in a state of the living": conversations("(living|active)", state=State.SPEAKING, **OF_LIVING),
    "conversations in no state": conversations("(living|active)", state=State.PROCESSING, **OF_LIVING),
    "conversations that ended": conversations("newest", state=State.ENDED, **OF_LIVING),
    "conversations that live": conversations("(living|active)", is_active=True, **OF_LIVING),
    "conversations that live, of a small tenant": conversations("living", is_active=True, tenant_id=SMALL),
    "conversations that live no more": conversations("newest", is_active=False, **OF_LIVING),
    "conversations that started in a range": conversations(
        "newest", started_from=start_of(900), started_until=start_of(1_000)
    ),
    "conversations that ended in a range": conversations(
        "(newest|tenant_ended)", ended_from=start_of(9_000), ended_until=start_of(9_500), **OF_FEW_ENDS
    ),
    "conversations that ended long ago": conversations("(newest|tenant_ended)", ended_until=start_of(5_000), **OF_ENDS),
    "conversations that ended since": conversations("(newest|tenant_ended)", ended_from=start_of(5_000), **OF_ENDS),
    "conversations that ended lately, oldest first": conversations(
        "(newest|tenant_ended)", ended_from=start_of(48_000), order="asc", **OF_ENDS
    ),
    "conversations with common metadata": conversations("newest", metadata={"plan": "gold"}, max_rows=200),
    "conversations with rare metadata": conversations("metadata", metadata={"number": "77"}),
    "conversations with metadata of both kinds": conversations("metadata", metadata={"plan": "free", "number": "77"}),
    "conversations with metadata that none has": conversations("metadata", metadata={"plan": "silver"}),
    "conversations with metadata, of a small tenant": conversations(
        "(metadata|newest|language)", metadata={"plan": "gold"}, **OF_A_SMALL_TENANT
    ),
    "conversations of all that is given": conversations(
        "(user|metadata|newest)",
        user_id="user-7",
        state=State.ENDED,
        started_from=start_of(1),
        ended_until=start_of(40_000),
        metadata={"plan": "gold"},
        max_rows=100,
        max_blocks=600,
    ),
    "a conversation": Read(
        call=lambda asked: asked.models.get_conversation(LARGE, MIDDLE),
        statements=("get_conversation",),
        index="conversation_sessions_v1_pkey",
        max_rows=1,
        max_blocks=5,
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
        number=LONG_CONVERSATION,
        role="developer",
        max_rows=MESSAGES_OF_THE_LONG_ONE + MESSAGES_OF_EACH,
        max_blocks=1_000,
    ),
    "search for a common word": search("many", words="table", **OF_COMMON_WORDS),
    "search for a common word after a place": search("many", words="table", after=MIDDLE_PLACE, **OF_COMMON_WORDS),
    "search for a common word before a place": search("many", words="table", before=MIDDLE_PLACE, **OF_COMMON_WORDS),
    "search for a common word in a range": search(
        "many", words="table", created_until=start_of(25_001), **OF_COMMON_WORDS
    ),
    "search for a common word of a role": search("many", words="message", role="user", **OF_COMMON_WORDS),
    "search for a common word of a user": search(
        "few", words="table", user_id="user-7", max_rows=2 * CANDIDATES, max_blocks=TABLE_BLOCKS // 4
    ),
    "search for a common word in a conversation": search(
        "many", words="table", conversation_id=MIDDLE, max_rows=100, max_blocks=150
    ),
    "search for a common word, by a small tenant": search(
        "many", words="table", tenant_id=SMALL, max_rows=CANDIDATES + 10_200, max_blocks=2_000
    ),
    "search for a rare word": search("few", words="xylophones", **OF_RARE_WORDS),
    "search for a rare word before a place": search("few", words="xylophones", before=MIDDLE_PLACE, **OF_RARE_WORDS),
    "search for a rare word, by a small tenant": search(
        "few", words="xylophones", tenant_id=SMALL, has_hits=False, **OF_RARE_WORDS
    ),
    "search for a word that nobody said": search("few", words="zeppelin", has_hits=False, **OF_RARE_WORDS),
    "search for common words that a rare one narrows": search("few", words="message room xylophones", **OF_RARE_WORDS),
    "search for a word that is common among the old alone": search(
        "many", words="inkwell", has_hits=False, **TO_THE_BOUND
    ),
    "search for a phrase that nobody said": search("many", words='"room message"', has_hits=False, **TO_THE_BOUND),
    "statistics of a day": Read(
        call=lambda asked: asked.statistics.sessions(
            LARGE, StatisticsQuery(since=start_of(20_000), until=start_of(20_000) + timedelta(days=1))
        ),
        statements=("statistics_sessions",),
        index="conversation_sessions_v1_(newest|tenant_ended|active|living|language)_idx",
        max_rows=1_500,
        max_blocks=1_500,
    ),
    "counts of all": Read(
        call=lambda asked: asked.models.count_sessions(),
        statements=("count_sessions",),
        index="conversation_sessions_v1_",
        max_rows=CONVERSATIONS + LIVING,
        max_blocks=600,
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
    assert sum(plan.rows for plan in plans) <= read.max_rows, told
    assert sum(plan.blocks for plan in plans) <= read.max_blocks, told


def test_every_statement_that_reads_the_tables_is_looked_at() -> None:
    reading = {
        path.stem
        for path in STATEMENTS.glob("*.sql")
        if re.search(r"(?:FROM|JOIN) conversation_(?:sessions|messages)\b", path.read_text(encoding="utf-8"))
    }

    of_the_service = {name for name in reading if OPERATORS.match(name) is None}
    assert of_the_service == {name for read in READS.values() for name in read.statements}
