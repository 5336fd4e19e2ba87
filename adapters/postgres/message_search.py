"""Full-text search over messages, in the language of each conversation. However common a word is, the work is bounded.

Words of few messages: the index names them all, and they are sorted. Words of many: the newest messages are looked at
one by one, which soon fills a page; and when it does not, the page says where the search goes on.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from string import punctuation
from typing import Any, Final, LiteralString

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import dict_row

from adapters.postgres.pool import ACQUIRE_TIMEOUT_S, Pool
from adapters.postgres.reading import Parameters, read_rows
from adapters.postgres.statements import statement
from app.queries import Order
from app.searching import (
    Fragment,
    SearchHit,
    SearchPage,
    SearchPlace,
    SearchQuery,
    TooManySearches,
    no_word,
    only_exclusions,
    shortened,
    too_broad,
)
from domain.errors import StoreUnavailable
from domain.ids import ConversationId, MessageId, TenantId
from projections.rows import MessageRow

_START, _STOP = "\x02", "\x03"
_HEADLINE: Final = f'StartSel="{_START}", StopSel="{_STOP}", HighlightAll=true'
"""All of the text: to choose pieces of it takes Postgres a time that grows with the square of its length."""

_SIGNS: Final = str.maketrans(dict.fromkeys(punctuation, " "))
_TOKEN: Final = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')

_QUERY = statement("search_query")
_COUNT = statement("search_count")
_HITS = statement("search_hits")
_FEW: dict[Order, LiteralString] = {
    "asc": statement("search_few_oldest_first"),
    "desc": statement("search_few_newest_first"),
}
_MANY: dict[Order, LiteralString] = {
    "asc": statement("search_many_oldest_first"),
    "desc": statement("search_many_newest_first"),
}


class SearchBounds(Struct, frozen=True, kw_only=True):
    """What one search looks at, at most: so many candidates that the index names are sorted; else so many messages,
    and in either case so many bytes of text, are read."""

    max_candidates: int = 2_000
    max_rows: int = 20_000
    max_bytes: int = 8 * 2**20


BOUNDS: Final = SearchBounds()


class _Place(Struct, frozen=True):
    """A message that matches, or at which the look ended."""

    session_id: ConversationId
    id: MessageId
    created_at: datetime
    is_end: bool
    is_match: bool


class _Words(Struct, frozen=True):
    """The words as queries: one for each configuration, and one of the index. No query: nothing can be looked up."""

    configurations: list[str]
    queries: list[str]
    indexed: str | None
    word_count: int


class PostgresMessageSearch:
    """Implements `MessageSearch`. Half of the pool's connections, at least, are left to everything else."""

    def __init__(self, pool: Pool, bounds: SearchBounds = BOUNDS) -> None:
        self._pool = pool
        self._bounds = bounds
        self._free = asyncio.Semaphore(max(1, pool.max_size // 2))

    async def search(self, tenant_id: TenantId, query: SearchQuery) -> SearchPage:
        """See `MessageSearch.search`."""
        async with self._one_of_few():
            words = await self._words(tenant_id, query)
            places = await self._places(tenant_id, query, words)
            matches = [place for place in places if place.is_match]
            page = matches[: query.limit]
            if query.before is not None:
                page.reverse()
            end = next((place for place in places if place.is_end), None)
            is_full = len(matches) >= query.limit
            return SearchPage(
                await self._hits(tenant_id, words, page),
                has_more=len(matches) > query.limit or end is not None,
                stopped_at=None if end is None or is_full else SearchPlace(end.created_at, end.session_id, end.id),
            )

    async def _words(self, tenant_id: TenantId, query: SearchQuery) -> _Words:
        parameters = {"tenant_id": tenant_id, "words": web_words(query.words), "user_id": query.user_id}
        words = msgspec.convert((await self._rows(_QUERY, parameters))[0], _Words)
        if not words.queries:
            raise only_exclusions() if words.word_count else no_word()
        return words

    async def _places(self, tenant_id: TenantId, query: SearchQuery, words: _Words) -> list[_Place]:
        """The next places in the direction of the cursor, one more than asked for."""
        parameters = search_parameters(tenant_id, query, self._bounds) | {
            "configurations": words.configurations,
            "queries": words.queries,
            "indexed": words.indexed,
        }
        statements = _FEW if await self._are_few(query, parameters) else _MANY
        rows = await self._rows(statements["desc" if query.before is None else "asc"], parameters)
        return msgspec.convert(rows, list[_Place])

    async def _are_few(self, query: SearchQuery, parameters: Parameters) -> bool:
        """Whether to sort what the index names. A conversation has few messages anyway: they are looked at."""
        if query.conversation_id is not None:
            return False
        count: int = (await self._rows(_COUNT, parameters))[0]["candidates"]
        return count <= self._bounds.max_candidates

    async def _hits(self, tenant_id: TenantId, words: _Words, places: list[_Place]) -> tuple[SearchHit, ...]:
        if not places:
            return ()
        parameters = {
            "tenant_id": tenant_id,
            "session_ids": [place.session_id for place in places],
            "ids": [place.id for place in places],
            "configurations": words.configurations,
            "queries": words.queries,
            "headline": _HEADLINE,
        }
        rows = await self._rows(_HITS, parameters)
        return tuple(_hit_of(row) for row in rows)

    async def _rows(self, query: LiteralString, parameters: Parameters) -> list[dict[str, Any]]:
        # Not prepared: the best plan depends on the words.
        try:
            return await read_rows(self._pool, query, parameters, row_factory=dict_row, prepare=False)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise too_broad() from error
            raise

    @asynccontextmanager
    async def _one_of_few(self) -> AsyncIterator[None]:
        """Searches are the dearest reads there are. Who has to wait for long is told to come again."""
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise TooManySearches from error
        try:
            yield
        finally:
            self._free.release()


def search_parameters(tenant_id: TenantId, query: SearchQuery, bounds: SearchBounds) -> dict[str, object]:
    """What the query says, as the statements bind it."""
    cursor = query.cursor
    return {
        "tenant_id": tenant_id,
        "user_id": query.user_id,
        "role": query.role,
        "session_id": query.conversation_id,
        "created_from": query.created_from,
        "created_until": query.created_until,
        "cursor_created_at": cursor and cursor.created_at,
        "cursor_session_id": cursor and cursor.session_id,
        "cursor_id": cursor and cursor.message_id,
        "max_candidates": bounds.max_candidates,
        "max_rows": bounds.max_rows,
        "max_bytes": bounds.max_bytes,
        "limit": query.limit + 1,
    }


def web_words(words: str) -> str:
    """The words without signs, as the text that they are looked for in; of the signs only those that say how to look.

    What stands between spaces stays together: `ada@example.com` becomes a phrase of three words.
    """
    return " ".join(filter(None, map(_without_signs, _TOKEN.finditer(words))))


def _without_signs(token: re.Match[str]) -> str:
    if token[0].lower() == "or":
        return token[0]
    text = (token["phrase"] or token["word"] or "").translate(_SIGNS).strip()
    return f'{token["minus"]}"{text}"' if text else ""


def _hit_of(row: dict[str, Any]) -> SearchHit:
    return SearchHit(msgspec.convert(row, MessageRow), shortened(fragments_of(row["content"], row["headline"])))


def fragments_of(content: str, headline: str) -> tuple[Fragment, ...]:
    """The content in pieces, where its headline is marked: the headline has a character for each of the content."""
    pieces: list[Fragment] = []
    place = 0
    for number, part in enumerate(headline.split(_START)):
        match, _, rest = part.partition(_STOP) if number else ("", "", part)
        for length, is_match in ((len(match), True), (len(rest), False)):
            if length:
                pieces.append(Fragment(content[place : place + length], is_match))
                place += length
    return tuple(pieces)
