"""Snapshots as a plain dictionary: the twin of the Postgres ones, for tests that need no database."""

from collections.abc import Callable
from datetime import datetime

from domain.ids import ConversationId, TenantId
from domain.ports import EventStore
from projections.snapshots import History, Snapshot, beginning

Key = tuple[TenantId, ConversationId, int]


class MemorySnapshots:
    """Implements `Snapshots`."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._kept: dict[Key, Snapshot] = {}

    async def load(self, tenant_id: TenantId, conversation_id: ConversationId, until: int | None = None) -> History:
        """See `Snapshots.load`."""
        base = await self.nearest(tenant_id, conversation_id, until) or beginning(tenant_id, conversation_id)
        return History(base, await self._store.read(tenant_id, conversation_id, after=base.version, until=until))

    async def nearest(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        until: int | None = None,
        latest_at: datetime | None = None,
    ) -> Snapshot | None:
        """See `Snapshots.nearest`."""
        fitting = [
            snapshot
            for key, snapshot in self._kept.items()
            if key[:2] == (tenant_id, conversation_id)
            and (until is None or snapshot.version <= until)
            and (latest_at is None or snapshot.latest_at is None or snapshot.latest_at <= latest_at)
        ]
        return max(fitting, key=lambda snapshot: snapshot.version, default=None)

    async def save(self, snapshot: Snapshot) -> None:
        """See `Snapshots.save`."""
        conversation = snapshot.conversation
        self._kept[conversation.tenant_id, conversation.id, snapshot.version] = snapshot

    async def thin(self, tenant_id: TenantId, conversation_id: ConversationId, below: int, every: int) -> None:
        """See `Snapshots.thin`."""
        place = (tenant_id, conversation_id)
        self._forget(lambda key: key[:2] == place and key[2] < below and bool(key[2] % every))

    async def forget_conversation(self, tenant_id: TenantId, conversation_id: ConversationId) -> None:
        """See `Snapshots.forget_conversation`."""
        self._forget(lambda key: key[:2] == (tenant_id, conversation_id))

    async def forget_tenant(self, tenant_id: TenantId) -> None:
        """See `Snapshots.forget_tenant`."""
        self._forget(lambda key: key[0] == tenant_id)

    def _forget(self, is_meant: Callable[[Key], bool]) -> None:
        self._kept = {key: snapshot for key, snapshot in self._kept.items() if not is_meant(key)}
