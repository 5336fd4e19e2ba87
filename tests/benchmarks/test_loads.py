"""Which conversations are loaded, and from what."""

import psycopg

from benchmarks.filled import fill_database
from benchmarks.growing import loads

LONG_EVENTS = 550
SNAPSHOT_EVENTS = 500


def versions(dsn: str, table: str) -> dict[str, int]:
    column = "originator_version" if table == "stored_events" else "version"
    name = "originator_id" if table == "stored_events" else "conversation_id"
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(f"SELECT {name}::text, max({column}) FROM {table} GROUP BY 1".encode()).fetchall()
    return dict(found)


async def test_long_conversations_have_a_snapshot_before_they_are_measured(empty_database: str) -> None:
    # given a store with a long conversation, and short ones of many places
    long = await fill_database(empty_database, 2_000, lambda _step: None, long_conversations=1, long_events=LONG_EVENTS)
    short = await loads.short_conversations(empty_database, 3)
    stored = versions(empty_database, "stored_events")
    assert stored[long[0].conversation_id] == LONG_EVENTS
    assert {stored[named.conversation_id] for named in short} <= {19, 20}
    # when both are made ready and measured
    for conversations in (long, short):
        subject = loads.subject("load", conversations, with_snapshots=True)
        await subject.prepare(empty_database)
        measured = await subject.measure(empty_database, 1, 0.05)
        assert measured.operations > 0
    # then the long one has been read from its snapshot, and the short ones have none
    assert versions(empty_database, "conversation_snapshots") == {long[0].conversation_id: SNAPSHOT_EVENTS}
