"""The parked conversations of one checkpoint, as rows."""

from collections.abc import Sequence

import psycopg
from psycopg.rows import TupleRow

from adapters.postgres.statements import statement
from domain.ids import ConversationId, TenantId
from projections.quarantine import DeadLetter, Poison

_PARK = statement("projection_park")
_KEEP_PARKED = statement("projection_keep_parked")
_UNPARK = statement("projection_unpark")
_ALL = statement("projection_dead_letters")


class DeadLetters:
    """On one connection."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow], checkpoint_name: str) -> None:
        self._connection = connection
        self._name = checkpoint_name

    async def park(self, poison: Poison) -> None:
        """From now on the conversation is parked; it may be so already."""
        place = (poison.conversation_id, poison.tenant_id, poison.version, poison.position)
        await self._connection.execute(_PARK, (self._name, *place, poison.reason, poison.error))

    async def keep_parked(self, poison: Poison) -> None:
        """One attempt more has failed."""
        why = (poison.version, poison.position, poison.reason, poison.error)
        await self._connection.execute(_KEEP_PARKED, (*why, self._name, poison.conversation_id))

    async def unpark(self, conversation_id: ConversationId) -> None:
        """Harmless when it is not parked."""
        await self._connection.execute(_UNPARK, (self._name, conversation_id))

    async def all(self) -> Sequence[DeadLetter]:
        """Those that have been parked for longest first."""
        cursor = await self._connection.execute(_ALL, [self._name])
        return tuple([_letter(row) for row in await cursor.fetchall()])


def _letter(row: TupleRow) -> DeadLetter:
    tenant_id, conversation_id, version, position, reason, error, since, attempts, last_tried_at = row
    poison = Poison(
        tenant_id=TenantId(tenant_id),
        conversation_id=ConversationId(conversation_id),
        version=version,
        position=position,
        reason=reason,
        error=error,
    )
    return DeadLetter(poison=poison, since=since, attempts=attempts, last_tried_at=last_tried_at)
