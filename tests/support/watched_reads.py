"""Reads of the tables, and how much each of them may look at."""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from adapters.postgres.message_search import PostgresMessageSearch
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.statistics import PostgresStatistics
from app.queries import ConversationQuery, MessageQuery
from app.searching import SearchQuery
from domain.ids import TenantId
from tests.support.many_messages import LARGE, conversation_of
from tests.support.plans import PlanWatch


class Asked(Struct, frozen=True):
    """What can be asked, all on one connection that is watched."""

    watch: PlanWatch
    models: PostgresReadModels
    search: PostgresMessageSearch
    statistics: PostgresStatistics


class Bound(Struct, frozen=True):
    """What all statements of a call may read together: so many rows and blocks of 8 KiB."""

    rows: int
    blocks: int


class Read(Struct, frozen=True, kw_only=True):
    """One call, the statements it is answered by, one of the indexes each of them must use, and what it may read."""

    call: Callable[[Asked], Awaitable[object]]
    statements: tuple[str, ...]
    index: str
    bound: Bound


OF_A_PAGE: Final = Bound(25, 60)
"""The 20 of a page, the one that tells whether there are more, and the cursor's; each in a block of its own."""


def conversations(index: str, bound: Bound = OF_A_PAGE, *, tenant_id: TenantId = LARGE, **filters: object) -> Read:
    """A page of the list of conversations."""
    query = ConversationQuery(**filters)  # type: ignore[arg-type] # as the table says
    is_newest_first = (query.order == "desc") is (query.before is None)
    cursor = ("conversation_cursor",) if query.after or query.before else ()
    return Read(
        call=lambda asked: asked.models.list_conversations(tenant_id, query),
        statements=(*cursor, f"list_conversations_{'newest' if is_newest_first else 'oldest'}_first"),
        index=f"conversation_sessions_v1_({index}|pkey)_idx|conversation_sessions_v1_pkey",
        bound=bound,
    )


def messages(bound: Bound = OF_A_PAGE, *, number: int = 77, **filters: object) -> Read:
    """A page of the list of the messages of a conversation."""
    query = MessageQuery(**filters)  # type: ignore[arg-type] # as the table says
    is_oldest_first = (query.order == "asc") is (query.before is None)
    cursor = ("message_cursor",) if query.after or query.before else ()
    return Read(
        call=lambda asked: asked.models.list_messages(LARGE, conversation_of(number), query),
        statements=(*cursor, f"list_messages_{'oldest' if is_oldest_first else 'newest'}_first"),
        index="conversation_messages_v1_(version_idx|pkey)",
        bound=bound,
    )


def search(way: str, bound: Bound, *, tenant_id: TenantId = LARGE, has_hits: bool = True, **asked_for: object) -> Read:
    """A page of a search, by the way that it has to take."""
    query = SearchQuery(**asked_for)  # type: ignore[arg-type] # as the table says
    count = () if query.conversation_id else ("search_count",)
    hits = ("search_hits",) if has_hits else ()
    order = "newest" if query.before is None else "oldest"
    return Read(
        call=lambda asked: asked.search.search(tenant_id, query),
        statements=("search_query", *count, f"search_{way}_{order}_first", *hits),
        index="conversation_messages_v1_(search|newest|version)_idx|conversation_(messages|sessions)_v1_(pkey|language_idx)",
        bound=bound,
    )
