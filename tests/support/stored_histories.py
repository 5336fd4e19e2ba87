"""Events as a test has made them, with the times that it wants, in the tables of a database."""

from collections.abc import Sequence

import psycopg

from adapters.codec import events as codec
from domain.ports import RecordedEvent
from projections.ports import ProjectedPage, ProjectionStore
from tests.support.projecting import rows_of, take_lead

INSERT = """
INSERT INTO stored_events (originator_id, originator_version, topic, state, tenant_id, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s)
"""


def store_events(connection: psycopg.Connection, events: Sequence[RecordedEvent]) -> None:
    """As the owner of the database alone can: without commands, at any time."""
    rows = [
        (
            event.conversation_id,
            event.version,
            codec.topic_of(event.event),
            codec.encode(event.event_id, event.origin, event.event),
            event.tenant_id,
            event.recorded_at,
        )
        for event in events
    ]
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, rows)


async def project_events(store: ProjectionStore, events: Sequence[RecordedEvent]) -> None:
    """What the events do to the rows, as one page after what is there."""
    async with store.session() as session:
        await take_lead(session)
        start = (await session.checkpoint()).position
        page = ProjectedPage(from_position=start, to_position=start + 1, unknown_events=0, rows=rows_of(events))
        await session.write(page)
