"""Read one conversation from its events: always current, or as it was."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import ClassVar, Final

from app.aggregates import AggregateCache, Held
from app.principal import Principal
from domain.conversation.conversation import Conversation
from domain.conversation.errors import ConversationNotFound, Refusal
from domain.conversation.evolution import evolve, fold
from domain.ids import ConversationId
from domain.ports import EventStore, RecordedEvent

_PAGE_EVENTS: Final = 1_000


class VersionNotFound(Refusal):
    """The conversation has not come to that version, or did not exist at that time; it is at `version` now."""

    code: ClassVar[str] = "version_not_found"

    def __init__(self, sentence: str, version: int) -> None:
        super().__init__(sentence)
        self.version = version


class GetConversation:
    """Every way raises `ConversationNotFound` and `StoreUnavailable`."""

    def __init__(self, store: EventStore, aggregates: AggregateCache) -> None:
        self._store = store
        self._aggregates = aggregates

    async def __call__(self, principal: Principal, conversation_id: ConversationId) -> Conversation:
        """The conversation as it is now, whoever wrote to it. Does not wait for a command that is under way."""
        held = self._aggregates.hold(principal.tenant_id, conversation_id)
        if held.lock.locked():
            conversation, _ = await self._newest(held)
        else:
            conversation = await self._refreshed(held)
        if conversation.version == 0:
            raise ConversationNotFound(conversation_id)
        return conversation

    async def at_version(self, principal: Principal, conversation_id: ConversationId, version: int) -> Conversation:
        """The conversation after its first `version` events. Raises VersionNotFound."""
        conversation = Conversation(id=conversation_id, tenant_id=principal.tenant_id)
        async for page in self._pages(conversation, until=version):
            conversation = fold(conversation, page)
        if conversation.version == 0:
            raise ConversationNotFound(conversation_id)
        if conversation.version < version:
            sentence = f"There is no version {version}: the conversation is at version {conversation.version}."
            raise VersionNotFound(sentence, conversation.version)
        return conversation

    async def at_time(self, principal: Principal, conversation_id: ConversationId, time: datetime) -> Conversation:
        """The conversation before its first event that occurred after `time`. Raises VersionNotFound."""
        conversation = Conversation(id=conversation_id, tenant_id=principal.tenant_id)
        async for page in self._pages(conversation):
            for recorded in page:
                if recorded.origin.occurred_at > time:
                    return await self._existing(principal, conversation)
                conversation = evolve(conversation, recorded.event, recorded.origin.occurred_at)
        return await self._existing(principal, conversation)

    async def _existing(self, principal: Principal, then: Conversation) -> Conversation:
        if then.version == 0:
            now = await self(principal, then.id)
            raise VersionNotFound("The conversation did not exist at that time.", now.version)
        return then

    async def _pages(
        self, conversation: Conversation, until: int | None = None
    ) -> AsyncIterator[tuple[RecordedEvent, ...]]:
        """The history piece by piece, so that a long one keeps nobody else waiting."""
        version = 0
        while until is None or version < until:
            last = version + _PAGE_EVENTS if until is None else min(version + _PAGE_EVENTS, until)
            page = await self._store.read(conversation.tenant_id, conversation.id, after=version, until=last)
            if page:
                yield page
            if len(page) < last - version:
                return
            version = last

    async def _refreshed(self, held: Held) -> Conversation:
        """The newest state, which the next command then finds at hand."""
        async with held.lock:
            try:
                conversation, position = await self._newest(held)
                held.advance(conversation, position)
            finally:
                self._aggregates.settle(held)
        return conversation

    async def _newest(self, held: Held) -> tuple[Conversation, int]:
        known = held.conversation
        newer = await self._store.read(known.tenant_id, known.id, after=known.version)
        return fold(known, newer), newer[-1].position if newer else held.position
