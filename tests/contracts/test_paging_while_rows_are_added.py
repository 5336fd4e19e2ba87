"""Whoever pages through a list sees each row that was there exactly once and in order, whatever is added meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from itertools import chain, repeat
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.postgres.message_search import PostgresMessageSearch, SearchBounds
from adapters.postgres.pool import Pool, read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.read_models import PostgresReadModels
from app.queries import ConversationQuery, MessageQuery, Order
from app.searching import SearchQuery
from domain.conversation import events as e
from domain.conversation.values import Policies
from domain.ids import ConversationId, MessageId, TenantId
from domain.ports import RecordedEvent
from tests.contracts.read_model_cases import write
from tests.support.decider import NOON
from tests.support.projecting import nobody_projects
from tests.support.recording import recorded

Page = tuple[list[str], bool, str | None]
"""The ids of the rows, whether there are more, and the cursor of the next page."""

OFTEN: Final = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=15
)
SOME_MINUTES: Final = st.lists(st.integers(0, 5), max_size=12)
"""When rows come into being: so few minutes that many share theirs."""

ADDITIONS: Final = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=3), max_size=6)
"""What is added while the first page is read, the second, and so on."""


@pytest.fixture
def store(database: str) -> PostgresProjectionStore:
    return PostgresProjectionStore(database)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with read_pool(database, 2) as pool:
        yield pool


class Tables:
    """The rows of one tenant, who has none in the beginning."""

    def __init__(self, store: PostgresProjectionStore) -> None:
        self._store = store
        self._said = 1
        self.tenant_id = TenantId(str(uuid4()))

    async def start(self, minutes: Iterable[int]) -> list[str]:
        """Conversations that start then. Gives their ids."""
        ids = [str(uuid4()) for _ in minutes]
        started = e.ConversationStarted(
            tenant_id=self.tenant_id, user_id="alice", metadata={"plan": "gold"}, policies=Policies()
        )
        pairs = zip(ids, minutes, strict=True)
        await self._write(self._event(started, 1, minute, ConversationId(own_id)) for own_id, minute in pairs)
        return ids

    async def say(self, conversation_id: str, minutes: Iterable[int]) -> list[str]:
        """Messages of that time, recorded in this order. Gives their ids."""
        ids = [str(uuid4()) for _ in minutes]
        said = [
            self._event(
                e.MessageRecorded(message_id=MessageId(own_id), role="user", content="a word"),
                self._said + number,
                minute,
                ConversationId(conversation_id),
            )
            for number, (own_id, minute) in enumerate(zip(ids, minutes, strict=True), start=1)
        ]
        self._said += len(said)
        await self._write(said)
        return ids

    async def _write(self, events: Iterable[RecordedEvent]) -> None:
        if written := list(events):
            await write(self._store, written)

    def _event(self, event: e.Event, version: int, minute: int, conversation_id: ConversationId) -> RecordedEvent:
        at = NOON + timedelta(minutes=minute)
        return replace(recorded(event, version, at=at, conversation_id=conversation_id), tenant_id=self.tenant_id)


async def seen(
    page_after: Callable[[str | None], Awaitable[Page]],
    add: Callable[[list[int]], Awaitable[object]],
    additions: list[list[int]],
) -> list[str]:
    """The ids of all pages, while rows are added during the reading of each of the first."""
    ids: list[str] = []
    cursor = None
    for minutes in chain(additions, repeat([])):
        (page, has_more, cursor), _ = await asyncio.gather(page_after(cursor), add(minutes))
        ids += page
        if not has_more:
            return ids
    raise AssertionError


def assert_saw(ids: list[str], old: list[str]) -> None:
    """Each old one once and in order, and nothing at all twice."""
    assert len(ids) == len(set(ids))
    assert [one for one in ids if one in set(old)] == old


@OFTEN
@given(
    started=SOME_MINUTES,
    additions=ADDITIONS,
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 4),
    filters=st.sampled_from([{}, {"user_id": "alice"}, {"metadata": {"plan": "gold"}}, {"is_active": True}]),
)
@pytest.mark.parametrize("is_backwards", [False, True])
async def test_conversations(
    store: PostgresProjectionStore,
    pool: Pool,
    started: list[int],
    additions: list[list[int]],
    order: Order,
    limit: int,
    filters: Mapping[str, object],
    is_backwards: bool,
) -> None:
    # given conversations, and the end of the list to begin at
    tables, models = Tables(store), PostgresReadModels(pool, nobody_projects())
    ids = await tables.start(started)
    old = [own_id for _, own_id in sorted(zip(started, ids, strict=True), reverse=order == "desc")]
    end = old.pop() if is_backwards and old else None

    async def page_after(cursor: str | None) -> Page:
        place = cursor or end
        query = ConversationQuery(order=order, limit=limit, **filters)  # type: ignore[arg-type] # as it was drawn
        if place is not None:
            query = replace(query, **{"before" if is_backwards else "after": place})
        page = await models.list_conversations(tables.tenant_id, query)
        found = [str(row.id) for row in page.rows]
        if is_backwards:
            found.reverse()
        return found, page.has_more, found[-1] if found else cursor

    # when they are paged through while others start
    ids = await seen(page_after, tables.start, additions)

    # then
    assert_saw(ids, old[::-1] if is_backwards else old)


@OFTEN
@given(said=SOME_MINUTES, additions=ADDITIONS, order=st.sampled_from(["asc", "desc"]), limit=st.integers(1, 4))
@pytest.mark.parametrize("is_backwards", [False, True])
async def test_messages(
    store: PostgresProjectionStore,
    pool: Pool,
    said: list[int],
    additions: list[list[int]],
    order: Order,
    limit: int,
    is_backwards: bool,
) -> None:
    # given messages, and the end of the list to begin at
    tables, models = Tables(store), PostgresReadModels(pool, nobody_projects())
    (conversation_id,) = await tables.start([0])
    old = await tables.say(conversation_id, said)
    if order == "desc":
        old.reverse()
    end = old.pop() if is_backwards and old else None

    async def page_after(cursor: str | None) -> Page:
        query = MessageQuery(role="user", order=order, limit=limit)
        if (place := cursor or end) is not None:
            query = replace(query, **{"before" if is_backwards else "after": place})
        page = await models.list_messages(tables.tenant_id, ConversationId(conversation_id), query)
        found = [str(row.id) for row in page.rows]
        if is_backwards:
            found.reverse()
        return found, page.has_more, found[-1] if found else cursor

    # when they are paged through while others are said
    ids = await seen(page_after, lambda minutes: tables.say(conversation_id, minutes), additions)

    # then
    assert_saw(ids, old[::-1] if is_backwards else old)


@OFTEN
@given(
    said=SOME_MINUTES,
    additions=ADDITIONS,
    limit=st.integers(1, 4),
    bounds=st.sampled_from(
        [SearchBounds(), SearchBounds(max_candidates=0, max_rows=3), SearchBounds(max_candidates=3)]
    ),
)
@pytest.mark.parametrize("is_backwards", [False, True])
async def test_searches(
    store: PostgresProjectionStore,
    pool: Pool,
    said: list[int],
    additions: list[list[int]],
    limit: int,
    bounds: SearchBounds,
    is_backwards: bool,
) -> None:
    # given messages, and a place to begin at
    tables, search = Tables(store), PostgresMessageSearch(pool, bounds)
    (conversation_id,) = await tables.start([0])
    ids = await tables.say(conversation_id, said)
    old = [own_id for _, own_id in sorted(zip(said, ids, strict=True), reverse=True)]
    end = None
    if is_backwards and old:
        whole = await PostgresMessageSearch(pool).search(tables.tenant_id, SearchQuery(words="word", limit=100))
        end = whole.hits[-1].place.as_text()
        old.pop()

    async def page_after(cursor: str | None) -> Page:
        query = SearchQuery(words="word", limit=limit)
        if (place := cursor or end) is not None:
            query = replace(query, **{"before" if is_backwards else "after": place})
        page = await search.search(tables.tenant_id, query)
        hits = page.hits[::-1] if is_backwards else page.hits
        last = page.stopped_at or (hits[-1].place if hits else None)
        return [str(hit.message.id) for hit in hits], page.has_more, last.as_text() if last else cursor

    # when they are paged through while others are said
    ids = await seen(page_after, lambda minutes: tables.say(conversation_id, minutes), additions)

    # then
    assert_saw(ids, old[::-1] if is_backwards else old)
