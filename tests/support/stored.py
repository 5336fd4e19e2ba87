"""Events put into the store as they are, at the positions they have."""

from collections.abc import Iterable, Sequence

import psycopg

from adapters.codec import events as codec
from domain.ports import RecordedEvent

INSERT = """
INSERT INTO stored_events
    (originator_id, originator_version, topic, state, notification_id, tenant_id, command_id, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, NULL, %s)
"""


def store_events(dsn: str, events: Iterable[RecordedEvent]) -> None:
    """Store them; what comes later gets later positions."""
    with psycopg.connect(dsn) as connection:
        connection.cursor().executemany(INSERT, [_row(recorded) for recorded in events])
        connection.execute(
            "SELECT setval('stored_events_notification_id_seq', (SELECT max(notification_id) FROM stored_events))"
        )


def _row(recorded: RecordedEvent) -> Sequence[object]:
    return (
        recorded.conversation_id,
        recorded.version,
        codec.topic_of(recorded.event),
        codec.encode(recorded.event_id, recorded.origin, recorded.event),
        recorded.position,
        recorded.tenant_id,
        recorded.recorded_at,
    )
