"""When a new epoch begins, by itself and by command, and that nobody goes on serving the old one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.embedded import EmbeddedPostgres
from adapters.postgres import epoch as epoch_adapter
from adapters.postgres import epoch_watch
from adapters.postgres.epoch import (
    SERVICE_LOCK,
    NotTheOwner,
    ServiceConnected,
    begin_epoch,
    read_epochs,
    settle_epoch,
)
from adapters.postgres.epoch_watch import EpochOver, EpochWatch
from adapters.postgres.migrate import migrate
from adapters.postgres.restored import RowsAheadOfEvents, check_rows_match_events
from tests.support.postgres import TestDatabases, pg_bin, temporary_folder

PATIENCE_S = 10.0
OTHERS = {
    "system_identifier": ("'1'", "this is another server"),
    "timeline": ("'00000000'", "the server was recovered to an earlier point, or promoted"),
    "database_oid": ("1", "this is another database of the server"),
    "table_oid": ("1", "the table stored_events was made again"),
}


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


@asynccontextmanager
async def watching(dsn: str, epoch: str) -> AsyncIterator[asyncio.Task[None]]:
    """A watch that has looked at least once."""
    task = asyncio.create_task(EpochWatch(dsn, epoch).run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not task.done() and not _is_served(dsn):  # noqa: ASYNC110 - it happens in the database
                await asyncio.sleep(0.01)
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _is_served(dsn: str) -> bool:
    with psycopg.connect(dsn, autocommit=True) as connection:
        query = """
            SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                           WHERE locktype = 'advisory' AND objid = %s AND granted AND datname = current_database())
        """
        return connection.execute(query, [SERVICE_LOCK]).fetchone() == (True,)


async def test_a_store_that_stays_where_it_is_stays_in_its_epoch(database: str) -> None:
    first = await settle_epoch(database)

    assert [await settle_epoch(database) for _ in range(2)] == [first, first]
    assert [(epoch.name, epoch.reason) for epoch in await read_epochs(database)] == [(first, "created")]


@pytest.mark.parametrize("column", OTHERS)
async def test_whatever_is_another_begins_an_epoch_once(database: str, column: str) -> None:
    before = await settle_epoch(database)
    value, meaning = OTHERS[column]
    execute(database, f"UPDATE turnlog_epochs SET {column} = {value}")

    begun = await asyncio.gather(*(settle_epoch(database) for _ in range(4)))

    present, created = await read_epochs(database)
    assert set(begun) == {present.name}
    assert (present.reason, created.name) == (f"restored: {meaning}", before)
    assert await settle_epoch(database) == present.name


async def test_a_clone_in_another_database_begins_an_epoch(database: str, test_databases: TestDatabases) -> None:
    before = await settle_epoch(database)

    with test_databases.clone(str(conninfo_to_dict(database)["dbname"])) as clone:
        assert await settle_epoch(clone) != before
    assert await settle_epoch(database) == before


async def test_what_the_server_does_not_tell_counts_as_the_same(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await settle_epoch(database)
    refusing = make_conninfo(database, options="-c search_path=refusing,pg_catalog,public")
    execute(
        database,
        """
        CREATE SCHEMA refusing;
        CREATE FUNCTION refusing.pg_control_system(OUT system_identifier bigint) LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'not here' USING ERRCODE = 'insufficient_privilege'; END $$;
        """,
    )

    assert await settle_epoch(refusing) == before
    assert "server_does_not_tell" in capsys.readouterr().out


async def test_an_epoch_begun_by_command_is_the_last_though_the_clock_was_set_back(database: str) -> None:
    await settle_epoch(database)
    execute(database, "UPDATE turnlog_epochs SET started_at = now() + interval '1 hour'")

    begun = await begin_epoch(database, "files of Sunday put back")

    assert (begun.name, begun.reason) == (await settle_epoch(database), "files of Sunday put back")
    assert (await read_epochs(database))[0] == begun


async def test_no_epoch_is_begun_under_a_service(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    epoch = await settle_epoch(database)

    async with watching(database, epoch):
        with monkeypatch.context() as patch:
            patch.setattr(epoch_adapter, "LEAVING_WAIT_MAX_S", 0.1)
            with pytest.raises(ServiceConnected, match="Stop it"):
                await begin_epoch(database, "files put back")

    assert (await begin_epoch(database, "files put back")).name != epoch


async def test_who_serves_an_epoch_that_is_over_stops_serving(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch_watch, "LOOK_INTERVAL_S", 0.01)
    epoch = await settle_epoch(database)

    async with watching(database, epoch) as watch:
        execute(database, "INSERT INTO turnlog_epochs (reason) VALUES ('restored behind our back')")
        with pytest.raises(EpochOver, match="a new epoch has begun"):
            await asyncio.wait_for(watch, PATIENCE_S)

    async with watching(database, await settle_epoch(database)) as watch:
        execute(database, "UPDATE turnlog_epochs SET timeline = '00000000'")
        with pytest.raises(EpochOver, match="recovered to an earlier point"):
            await asyncio.wait_for(watch, PATIENCE_S)


async def test_a_watch_whose_connection_dies_looks_again_on_another(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch_watch, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(epoch_watch, "MAX_BACKOFF_S", 0.01)
    epoch = await settle_epoch(database)

    async with watching(database, epoch) as watch:
        execute(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        execute(database, "INSERT INTO turnlog_epochs (reason) VALUES ('restored meanwhile')")
        with pytest.raises(EpochOver):
            await asyncio.wait_for(watch, PATIENCE_S)


@pytest.fixture(scope="module")
def open_server() -> Iterator[str]:
    """The DSN of a server that believes everybody's name, so that ordinary logins can be tried."""
    with temporary_folder() as folder:
        rules = folder / "open.conf"
        rules.write_text("local all all trust\n")
        with EmbeddedPostgres(
            folder / "data", durable=False, pg_bin=pg_bin(), settings={"hba_file": str(rules)}
        ) as server:
            yield server.dsn


async def test_a_login_that_may_write_no_epoch_serves_until_one_has_to_begin(open_server: str) -> None:
    await migrate(open_server)
    execute(open_server, "CREATE ROLE reader LOGIN; GRANT SELECT ON turnlog_epochs TO reader")
    reader = make_conninfo(open_server, user="reader")

    epoch = await settle_epoch(reader)
    await settle_epoch(open_server)
    execute(open_server, "UPDATE turnlog_epochs SET timeline = '00000000'")

    assert (await read_epochs(open_server))[0].name == epoch
    with pytest.raises(NotTheOwner, match="`turnlog epoch new` with the login that owns the tables"):
        await settle_epoch(reader)
    with pytest.raises(NotTheOwner):
        await begin_epoch(reader, "restored")


async def test_rows_that_are_ahead_of_the_events_are_not_served(database: str) -> None:
    await check_rows_match_events(database)
    execute(database, "INSERT INTO projection_checkpoints (name, position) VALUES ('conversations', 7)")

    with pytest.raises(RowsAheadOfEvents, match=r"position 7, and the newest event is at 0.*turnlog rebuild all"):
        await check_rows_match_events(database)
