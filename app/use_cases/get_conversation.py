"""Read one conversation from its events: always current, or as it was."""

from datetime import datetime
from typing import ClassVar

from app.aggregates import AggregateCache, Held
from app.histories import Histories
from app.principal import Principal
from app.use_cases.event_pages import event_pages
from domain.conversation.conversation import Conversation
from domain.conversation.errors import ConversationNotFound, Refusal
from domain.conversation.evolution import evolve, fold
from domain.ids import ConversationId
from domain.ports import EventStore


class VersionNotFound(Refusal):
    """The conversation has not come to that version, or did not exist at that time; it is at `version` now."""

    code: ClassVar[str] = "version_not_found"

    def __init__(self, sentence: str, version: int) -> None:
        super().__init__(sentence)
        self.version = version


class GetConversation:
    """Every way raises `ConversationNotFound` and `StoreUnavailable`."""

    def __init__(self, store: EventStore, histories: Histories, aggregates: AggregateCache) -> None:
        self._store = store
        self._histories = histories
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
        tenant_id = principal.tenant_id
        conversation = (await self._histories.nearest(tenant_id, conversation_id, until=version)).conversation
        after = conversation.version
        async for page in event_pages(self._store, tenant_id, conversation_id, after=after, until=version):
            conversation = fold(conversation, page)
        if conversation.version == 0:
            raise ConversationNotFound(conversation_id)
        if conversation.version < version:
            sentence = f"There is no version {version}: the conversation is at version {conversation.version}."
            raise VersionNotFound(sentence, conversation.version)
        return conversation

    async def at_time(self, principal: Principal, conversation_id: ConversationId, time: datetime) -> Conversation:
        """The conversation before its first event that occurred after `time`. Raises VersionNotFound."""
        tenant_id = principal.tenant_id
        conversation = (await self._histories.nearest(tenant_id, conversation_id, latest_at=time)).conversation
        async for page in event_pages(self._store, tenant_id, conversation_id, after=conversation.version):
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
        return await self._histories.newest(held.conversation, held.position)
