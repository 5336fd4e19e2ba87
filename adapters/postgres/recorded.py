"""From rows of `stored_events`, or from an append that just succeeded, to recorded events."""

from collections.abc import Iterable
from datetime import datetime

from adapters.codec import events as codec
from domain.envelope import Recorded
from domain.errors import UnreadableEvent
from domain.ids import ConversationId, TenantId
from domain.ports import Append, RecordedEvent, UnreadablePlace

StoredRow = tuple[str, int, str, bytes, int, str, datetime]
"""conversation, version, topic, state, position, tenant, recorded_at: as the read statements select them."""


def recorded_events(append: Append, first_position: int, recorded_at: datetime) -> tuple[RecordedEvent, ...]:
    """The events of an append that is stored with contiguous positions."""
    return tuple(
        [
            Recorded(
                tenant_id=append.tenant_id,
                conversation_id=append.conversation_id,
                version=append.expected_version + 1 + offset,
                position=first_position + offset,
                event_id=append.event_ids[offset],
                event=event,
                schema_version=codec.schema_version_of(event),
                origin=append.origin,
                recorded_at=recorded_at,
            )
            for offset, event in enumerate(append.events)
        ]
    )


def from_row(row: StoredRow) -> RecordedEvent:
    """The recorded event of a stored row.

    Raises:
        UnreadableEvent: newer code wrote it, or it is damaged.
    """
    conversation_id, version, topic, state, position, tenant_id, recorded_at = row
    try:
        stored, schema_version = codec.decode(topic, state)
    except UnreadableEvent as error:
        error.event_version, error.event_position = version, position
        raise
    return Recorded(
        tenant_id=TenantId(tenant_id),
        conversation_id=ConversationId(conversation_id),
        version=version,
        position=position,
        event_id=stored.event_id,
        event=stored.data,
        schema_version=schema_version,
        origin=stored.origin,
        recorded_at=recorded_at,
    )


def from_rows(rows: Iterable[StoredRow]) -> tuple[RecordedEvent, ...]:
    """As `from_row`, for all of them."""
    return tuple([from_row(row) for row in rows])


def unreadable_place(row: StoredRow, error: UnreadableEvent) -> UnreadablePlace:
    """Where the row stands that could not be read."""
    return UnreadablePlace(
        tenant_id=TenantId(row[5]),
        conversation_id=ConversationId(row[0]),
        version=row[1],
        position=row[4],
        topic=error.topic,
        code=error.code,
    )
