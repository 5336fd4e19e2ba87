"""Snapshots in a table of their own, read in one round trip with the events after them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, LiteralString

import structlog
from psycopg import DataError

from adapters.codec.snapshots import FINGERPRINT, UnreadableSnapshot, decode, encode
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.pool import Pool
from adapters.postgres.reading import STALL_TIMEOUT_S, read_rows
from adapters.postgres.recorded import from_rows
from adapters.postgres.statements import statement
from adapters.postgres.watchdog import cut_after
from domain.ids import ConversationId, TenantId
from domain.ports import EventStore
from projections.snapshots import History, Snapshot, beginning

MAX_SNAPSHOT_BYTES: Final = 8 * 2**20
"""A larger one is not kept: it would be no help."""

_LAST_VERSION: Final = 2**63 - 1
_LOAD: Final = statement("load_conversation")
_NEAREST: Final = statement("nearest_snapshot")
_SAVE: Final = statement("save_snapshot")
_THIN: Final = statement("thin_snapshots")
_FORGET_CONVERSATION: Final = statement("forget_snapshots_of_conversation")
_FORGET_TENANT: Final = statement("forget_snapshots_of_tenant")

logger = structlog.get_logger()


class PostgresSnapshots:
    """Implements `Snapshots`. The store is where a history is read from whose snapshot is damaged."""

    def __init__(self, pool: Pool, store: EventStore) -> None:
        self._pool = pool
        self._store = store

    async def load(self, tenant_id: TenantId, conversation_id: ConversationId, until: int | None = None) -> History:
        """See `Snapshots.load`."""
        rows = await self._rows(_LOAD, _place(tenant_id, conversation_id, until))
        rows.sort(key=_version)
        if not rows or rows[0][2] is not None:
            return History(beginning(tenant_id, conversation_id), from_rows(rows))
        base = _decoded(conversation_id, rows[0][3])
        if base is None:
            history = await self._store.read(tenant_id, conversation_id, until=until)
            return History(beginning(tenant_id, conversation_id), history)
        return History(base, from_rows(rows[1:]))

    async def nearest(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        until: int | None = None,
        latest_at: datetime | None = None,
    ) -> Snapshot | None:
        """See `Snapshots.nearest`."""
        rows = await self._rows(_NEAREST, {**_place(tenant_id, conversation_id, until), "latest_at": latest_at})
        return _decoded(conversation_id, rows[0][0]) if rows else None

    async def save(self, snapshot: Snapshot) -> None:
        """See `Snapshots.save`."""
        state = encode(snapshot)
        if len(state) > MAX_SNAPSHOT_BYTES:
            return
        conversation = snapshot.conversation
        place = _place(conversation.tenant_id, conversation.id, None)
        await self._change(
            _SAVE, {**place, "version": snapshot.version, "latest_at": snapshot.latest_at, "state": state}
        )

    async def thin(self, tenant_id: TenantId, conversation_id: ConversationId, below: int, every: int) -> None:
        """See `Snapshots.thin`."""
        await self._change(_THIN, {**_place(tenant_id, conversation_id, None), "below": below, "every": every})

    async def forget_conversation(self, tenant_id: TenantId, conversation_id: ConversationId) -> None:
        """See `Snapshots.forget_conversation`."""
        await self._change(_FORGET_CONVERSATION, _place(tenant_id, conversation_id, None))

    async def forget_tenant(self, tenant_id: TenantId) -> None:
        """See `Snapshots.forget_tenant`."""
        await self._change(_FORGET_TENANT, {"tenant": tenant_id})

    async def _rows(self, query: LiteralString, parameters: Mapping[str, object]) -> list[Any]:
        try:
            return await read_rows(self._pool, query, parameters)
        except (DataError, UnicodeEncodeError):
            return []  # what cannot be an id or a version is the name of nothing

    async def _change(self, query: LiteralString, parameters: Mapping[str, object]) -> None:
        with unavailable_when_lost():
            async with self._pool.connection() as connection:
                with cut_after(connection, STALL_TIMEOUT_S):
                    await connection.execute(query, parameters)


def _place(tenant_id: TenantId, conversation_id: ConversationId, until: int | None) -> dict[str, object]:
    return {
        "tenant": tenant_id,
        "conversation": conversation_id,
        "fingerprint": FINGERPRINT,
        "until": _LAST_VERSION if until is None else until,
    }


def _version(row: tuple[str, int]) -> int:
    return row[1]


def _decoded(conversation_id: ConversationId, state: bytes) -> Snapshot | None:
    try:
        return decode(state)
    except UnreadableSnapshot:
        logger.warning("snapshot_is_damaged", conversation=conversation_id)
        return None
