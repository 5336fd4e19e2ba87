"""Makes snapshots of conversations that have grown: behind everything else, and never at its cost."""

from typing import Final

import anyio
import structlog
from anyio.lowlevel import checkpoint

from domain.ids import ConversationId, TenantId
from domain.ports import EventStore
from projections.snapshots import Snapshots, advanced, beginning

MAX_WAITING: Final = 1_000
"""Conversations; what others need is lost, until they grow again."""

KEPT_BACK_EVENTS: Final = 600
"""Behind the newest one: whoever resumes goes back by no more, and finds one that is near."""

MILESTONE: Final = 10
"""Of the older ones every so manieth stays, for those who look far back."""

logger = structlog.get_logger()


class SnapshotKeeper:
    """One task (`run`). A snapshot is due at every multiple of `every_events`.

    `lost` counts snapshots that were due and were not made.
    """

    def __init__(self, store: EventStore, snapshots: Snapshots, every_events: int) -> None:
        self._store = store
        self._snapshots = snapshots
        self._every_events = every_events
        self._waiting: dict[tuple[TenantId, ConversationId], int] = {}
        self._hint = anyio.Event()
        self.lost = 0

    @property
    def waiting(self) -> int:
        """How many conversations a snapshot is due of."""
        return len(self._waiting)

    def grown(self, tenant_id: TenantId, conversation_id: ConversationId, before: int, after: int) -> None:
        """The conversation has come from one version to another. Implements `Grown`."""
        due = after - after % self._every_events
        if due <= before:
            return
        key = (tenant_id, conversation_id)
        if key not in self._waiting and len(self._waiting) >= MAX_WAITING:
            self.lost += 1
            return
        self._waiting[key] = due
        self._hint.set()

    async def run(self) -> None:
        """Make what is due, for ever, one after the other."""
        while True:
            await self._hint.wait()
            self._hint = anyio.Event()
            while self._waiting:
                key = next(iter(self._waiting))
                await self._try_to_keep(*key, due=self._waiting.pop(key))

    async def _try_to_keep(self, tenant_id: TenantId, conversation_id: ConversationId, due: int) -> None:
        try:
            await self._keep(tenant_id, conversation_id, due)
        except Exception as error:  # noqa: BLE001 - nothing depends on a snapshot, so none may end the service
            self.lost += 1
            logger.warning("snapshot_is_lost", conversation=conversation_id, reason=type(error).__name__)

    async def _keep(self, tenant_id: TenantId, conversation_id: ConversationId, due: int) -> None:
        """Go on from the last one. Where there is none yet, leave those behind that would have been kept."""
        every = self._every_events
        keep_from = due - KEPT_BACK_EVENTS
        snapshot = await self._snapshots.nearest(tenant_id, conversation_id, until=due)
        snapshot = snapshot or beginning(tenant_id, conversation_id)
        while snapshot.version < due:
            target = snapshot.version + every - snapshot.version % every
            events = await self._store.read(tenant_id, conversation_id, after=snapshot.version, until=target)
            if not events:
                return
            snapshot = advanced(snapshot, events)
            if snapshot.version >= keep_from or snapshot.version % (MILESTONE * every) == 0:
                await self._snapshots.save(snapshot)
            await checkpoint()
        await self._snapshots.thin(tenant_id, conversation_id, below=keep_from, every=MILESTONE * every)
