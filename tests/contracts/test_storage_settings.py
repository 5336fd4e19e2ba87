"""How the tables live is set on the tables themselves, where no server's configuration can forget it."""

import psycopg
import pytest

SETTINGS: dict[str, dict[str, str]] = {
    "stored_events": {
        "fillfactor": "100",
        "autovacuum_vacuum_insert_threshold": "100000",
        "autovacuum_vacuum_insert_scale_factor": "0",
        "autovacuum_analyze_threshold": "100000",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_freeze_min_age": "0",
    },
    "archived_events": {
        "fillfactor": "100",
        "autovacuum_vacuum_insert_threshold": "100000",
        "autovacuum_vacuum_insert_scale_factor": "0",
        "autovacuum_freeze_min_age": "0",
    },
    "stored_events_notification_id_idx": {"fillfactor": "100"},
    "archived_events_notification_id_idx": {"fillfactor": "100"},
    "conversation_sessions_v1": {
        "fillfactor": "80",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.05",
    },
    "conversation_messages_v1": {
        "fillfactor": "95",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_vacuum_insert_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.05",
    },
    "projection_checkpoints": {
        "fillfactor": "10",
        "autovacuum_vacuum_threshold": "1000",
        "autovacuum_vacuum_scale_factor": "0",
    },
    "conversation_snapshots": {"autovacuum_vacuum_scale_factor": "0.05"},
}
"""Those of rebuilt tables are those of the tables before, as test_rebuild.py shows."""

OPTIONS = "SELECT option_name, option_value FROM pg_class, pg_options_to_table(reloptions) WHERE oid = %s::regclass"
CHECKPOINTS = 300


@pytest.mark.parametrize("relation", SETTINGS)
async def test_each_has_its_settings(database: str, relation: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        assert dict(connection.execute(OPTIONS, [relation]).fetchall()) == SETTINGS[relation]


async def test_a_checkpoint_that_moves_stays_in_its_page(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO projection_checkpoints (name) VALUES ('test')")
        for position in range(CHECKPOINTS):
            connection.execute("UPDATE projection_checkpoints SET position = %s WHERE name = 'test'", [position])

        size = connection.execute("SELECT pg_relation_size('projection_checkpoints') / 8192").fetchone()

    assert size == (1,)


async def test_large_events_are_compressed_by_the_quickest_way_that_the_server_has(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        ways = connection.execute(
            "SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'"
        ).fetchone()
        assert ways is not None
        has_lz4 = "lz4" in ways[0]
        set_for = connection.execute(
            "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'state' AND attcompression = 'l'"
        ).fetchall()

    tables = {"stored_events", "archived_events", "conversation_snapshots"}
    assert {table for (table,) in set_for} == (tables if has_lz4 else set())
