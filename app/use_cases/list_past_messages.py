"""List the messages of a conversation as they were: from its events, as no table keeps what has been changed since."""

from collections.abc import Iterable
from contextlib import aclosing
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import assert_never

from app.page_window import PageWindow
from app.principal import Principal
from app.queries import MessageQuery, RowPage
from app.use_cases.event_pages import event_pages
from app.use_cases.get_conversation import GetConversation, VersionNotFound
from domain.conversation.errors import ConversationNotFound
from domain.conversation.events import ConversationStarted
from domain.ids import ConversationId
from domain.ports import EventStore, RecordedEvent
from projections.applying import added_message, changed_message
from projections.changes import MessageAdded, MessageChange, MessageChanged
from projections.messages import project
from projections.rows import MessageRow


class ListPastMessages:
    """Every way raises `ConversationNotFound`, `VersionNotFound`, `InvalidQuery` for a cursor that is none, and
    `StoreUnavailable`."""

    def __init__(self, store: EventStore, get_conversation: GetConversation) -> None:
        self._store = store
        self._get_conversation = get_conversation

    async def at_version(
        self, principal: Principal, conversation_id: ConversationId, version: int, query: MessageQuery
    ) -> RowPage[MessageRow]:
        """The messages after the first `version` events."""
        past = PastMessages(query)
        async for page in event_pages(self._store, principal.tenant_id, conversation_id, until=version):
            past.tell(page)
        if past.version == 0:
            raise ConversationNotFound(conversation_id)
        if past.version < version:
            sentence = f"There is no version {version}: the conversation is at version {past.version}."
            raise VersionNotFound(sentence, past.version)
        return past.page()

    async def at_time(
        self, principal: Principal, conversation_id: ConversationId, time: datetime, query: MessageQuery
    ) -> RowPage[MessageRow]:
        """The messages before the first event that occurred after `time`."""
        past = PastMessages(query)
        async with aclosing(event_pages(self._store, principal.tenant_id, conversation_id)) as pages:
            async for page in pages:
                past.tell(takewhile(lambda recorded: recorded.origin.occurred_at <= time, page))
                if past.version < page[-1].version:
                    break
        if past.version == 0:
            now = await self._get_conversation(principal, conversation_id)
            raise VersionNotFound("The conversation did not exist at that time.", now.version)
        return past.page()


class PastMessages:
    """A page of the messages as far as events have been told, in order; `version` is that of the last."""

    def __init__(self, query: MessageQuery) -> None:
        self._role = query.role
        self._window: PageWindow[MessageRow] = PageWindow(query)
        self._user_id: str | None = None
        self._language: str | None = None
        self.version = 0

    def tell(self, events: Iterable[RecordedEvent]) -> None:
        """The next events."""
        for recorded in events:
            self.version = recorded.version
            if isinstance(recorded.event, ConversationStarted):
                self._user_id, self._language = recorded.event.user_id, recorded.event.language
            for change in project(recorded):
                self._take(change)

    def page(self) -> RowPage[MessageRow]:
        """What was asked for. Raises InvalidQuery when the cursor is no message of the conversation by then."""
        return self._window.page()

    def _take(self, change: MessageChange) -> None:
        match change:
            case MessageAdded():
                row = added_message(change.row, self._user_id, self._language)
                self._window.add(row, is_asked_for=self._role in (None, row.role))
            case MessageChanged():
                self._window.change(change.message_id, partial(changed_message, change=change))
            case _:
                assert_never(change)
