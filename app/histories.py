"""How conversations are read: from the nearest snapshot, where there is one, and the events after it."""

from collections.abc import Callable
from datetime import datetime

from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.ids import ConversationId, TenantId
from domain.ports import EventStore
from projections.snapshots import History, Snapshot, Snapshots, beginning

Grown = Callable[[TenantId, ConversationId, int, int], None]
"""Told that a conversation has come from one version, at which it may have a snapshot, to another. Must be quick."""


class Histories:
    """Without `snapshots` every history is read from its beginning. Every way raises `UnreadableEvent` and
    `StoreUnavailable`."""

    def __init__(
        self, store: EventStore, snapshots: Snapshots | None = None, grown: Grown = lambda *_grown: None
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._grown = grown

    async def load(self, tenant_id: TenantId, conversation_id: ConversationId, until: int | None = None) -> History:
        """The conversation up to a version, or to its newest."""
        if self._snapshots is None:
            events = await self._store.read(tenant_id, conversation_id, until=until)
            return History(beginning(tenant_id, conversation_id), events)
        history = await self._snapshots.load(tenant_id, conversation_id, until)
        if until is None:
            self._grown(tenant_id, conversation_id, history.base.version, history.head)
        return history

    async def nearest(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        until: int | None = None,
        latest_at: datetime | None = None,
    ) -> Snapshot:
        """Where to go on from, as `Snapshots.nearest`; at worst the beginning."""
        found = self._snapshots and await self._snapshots.nearest(tenant_id, conversation_id, until, latest_at)
        return found or beginning(tenant_id, conversation_id)

    async def newest(self, known: Conversation, position: int) -> tuple[Conversation, int]:
        """The conversation as it is now and the position of its last event, from as much of it as is known."""
        if known.version == 0:
            history = await self.load(known.tenant_id, known.id)
            return history.conversation(), history.position
        newer = await self._store.read(known.tenant_id, known.id, after=known.version)
        if not newer:
            return known, position
        now = fold(known, newer)
        self.grown(known, now)
        return now, newer[-1].position

    async def at(self, known: Conversation, version: int) -> Conversation:
        """The conversation at that version, from as much of it as is known: less, or more."""
        if known.version == version:
            return known
        if 0 < known.version < version:
            return fold(known, await self._store.read(known.tenant_id, known.id, after=known.version, until=version))
        return (await self.load(known.tenant_id, known.id, until=version)).conversation()

    def grown(self, before: Conversation, after: Conversation) -> None:
        """Somebody has folded, or stored, what lies between."""
        self._grown(after.tenant_id, after.id, before.version, after.version)
