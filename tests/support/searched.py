"""Conversations whose words are to be found."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from app.ports import MessageSearch
from app.searching import SearchHit, SearchPage, SearchQuery
from domain.conversation import events as e
from domain.conversation.values import Policies, Role
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from tests.support.decider import NOON, TENANT_ID, message_id, numbered_uuid
from tests.support.recording import recorded

USER: Final = "alice"


def conversation_id(number: int) -> ConversationId:
    """Of conversation `number`."""
    return ConversationId(numbered_uuid(0xC0000 + number))


def a_talk(
    *contents: str,
    number: int = 1,
    language: str | None = None,
    tenant_id: TenantId = TENANT_ID,
    at: datetime = NOON,
    role: Role = "user",
    user_id: str = USER,
) -> list[RecordedEvent]:
    """Conversation `number`, in which these messages were recorded a second apart; the first has the id 0."""
    started = e.ConversationStarted(tenant_id=tenant_id, user_id=user_id, language=language, policies=Policies())
    said = [e.MessageRecorded(message_id=message_id(n), role=role, content=text) for n, text in enumerate(contents)]
    events: Sequence[e.Event] = [started, *said]
    return [
        replace(
            recorded(event, version, at=at + timedelta(seconds=version), conversation_id=conversation_id(number)),
            tenant_id=tenant_id,
        )
        for version, event in enumerate(events, start=1)
    ]


async def found(search: MessageSearch, words: str, tenant_id: TenantId = TENANT_ID, **filters: object) -> list[str]:
    """What the messages on the first page say, newest first."""
    query = SearchQuery(words=words, **filters)  # type: ignore[arg-type] # as the test says
    return contents_of(await search.search(tenant_id, query))


def contents_of(page: SearchPage) -> list[str]:
    """What the messages of the page say."""
    return [hit.message.content for hit in page.hits]


async def all_hits(search: MessageSearch, words: str, limit: int, tenant_id: TenantId = TENANT_ID) -> list[SearchHit]:
    """Page by page from the newest on, however short the pages are."""
    hits: list[SearchHit] = []
    after = None
    while True:
        page = await search.search(tenant_id, SearchQuery(words=words, limit=limit, after=after))
        hits += page.hits
        if not page.has_more:
            return hits
        after = (page.stopped_at or page.hits[-1].place).as_text()


def marked(hit: SearchHit) -> Iterator[str]:
    """The words that the hit shows as found."""
    return (fragment.text for fragment in hit.fragments if fragment.is_match)
