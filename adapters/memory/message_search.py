"""The search over messages as a walk over dictionaries: the twin of the Postgres one, for words as they stand.

It knows no language, no phrase, no `or` and no exclusion: every word of a query must be a word of the message.
"""

import re
from typing import Final

from adapters.memory.projection_store import MemoryProjectionStore
from app.searching import Fragment, SearchHit, SearchPage, SearchPlace, SearchQuery, no_word, shortened
from domain.ids import TenantId
from projections.rows import MessageRow

_WORD: Final = re.compile(r"([^\W_]+)")


class MemoryMessageSearch:
    """Implements `MessageSearch`."""

    def __init__(self, store: MemoryProjectionStore) -> None:
        self._store = store

    async def search(self, tenant_id: TenantId, query: SearchQuery) -> SearchPage:
        """See `MessageSearch.search`."""
        words = set(_WORD.findall(query.words.lower()))
        if not words:
            raise no_word()
        found = [
            SearchHit(row, shortened(_fragments(row.content, words)))
            for row in self._store.messages.values()
            if row.tenant_id == tenant_id
            and words <= set(_WORD.findall(row.content.lower()))
            and _is_asked_for(row, query)
        ]
        ahead = [hit for hit in found if _is_ahead(hit.place, query)]
        ahead.sort(key=lambda hit: hit.place, reverse=query.before is None)
        page = ahead[: query.limit]
        return SearchPage(tuple(page if query.before is None else reversed(page)), has_more=len(ahead) > query.limit)


def _is_ahead(place: SearchPlace, query: SearchQuery) -> bool:
    if query.cursor is None:
        return True
    return place < query.cursor if query.before is None else place > query.cursor


def _is_asked_for(row: MessageRow, query: SearchQuery) -> bool:
    return (
        query.role in (None, row.role)
        and query.user_id in (None, row.user_id)
        and query.conversation_id in (None, row.session_id)
        and (query.created_from is None or row.created_at >= query.created_from)
        and (query.created_until is None or row.created_at < query.created_until)
    )


def _fragments(content: str, words: set[str]) -> tuple[Fragment, ...]:
    """The whole text, cut at every word that was looked for."""
    pieces: list[Fragment] = []
    for piece in _WORD.split(content):
        is_match = piece.lower() in words
        if pieces and not is_match and not pieces[-1].is_match:
            pieces[-1] = Fragment(pieces[-1].text + piece, is_match=False)
        elif piece:
            pieces.append(Fragment(piece, is_match))
    return tuple(pieces)
