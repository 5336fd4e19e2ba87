"""Migrations: each applied once and in order, never edited, never guessed."""

from pathlib import Path

import anyio
import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.errors import UndefinedTable

from adapters.postgres.migrate import (
    LOCK_KEY,
    ChangedMigration,
    DatabaseIsNewer,
    InvalidMigrationFolder,
    MigrationLockTimeout,
    MigrationNotAllowed,
    migrate,
    read_migrations,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations."""
    (tmp_path / "0001_create_fruit.sql").write_text("CREATE TABLE fruit (name text);\nCREATE TABLE basket ();")
    (tmp_path / "0002_add_colour.sql").write_text("ALTER TABLE fruit ADD COLUMN colour text; -- 100% of them")
    return tmp_path


async def test_all_are_applied_in_order_and_only_once(empty_database: str, folder: Path) -> None:
    assert await migrate(empty_database, folder=folder) == ["0001_create_fruit", "0002_add_colour"]
    assert await migrate(empty_database, folder=folder) == []
    assert await columns_of_fruit(empty_database) == ["name", "colour"]


async def test_only_what_is_missing_is_applied(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)
    (folder / "0003_add_taste.sql").write_text("ALTER TABLE fruit ADD COLUMN taste text")

    assert await migrate(empty_database, folder=folder) == ["0003_add_taste"]
    assert await columns_of_fruit(empty_database) == ["name", "colour", "taste"]


async def test_a_failing_one_leaves_nothing_of_itself_and_keeps_those_before(empty_database: str, folder: Path) -> None:
    broken = "ALTER TABLE fruit ADD COLUMN taste text; ALTER TABLE vegetable ADD COLUMN taste text"
    (folder / "0003_add_taste.sql").write_text(broken)

    with pytest.raises(UndefinedTable):
        await migrate(empty_database, folder=folder)
    assert await columns_of_fruit(empty_database) == ["name", "colour"]

    (folder / "0003_add_taste.sql").write_text("ALTER TABLE fruit ADD COLUMN taste text")
    assert await migrate(empty_database, folder=folder) == ["0003_add_taste"]


async def test_an_edited_one_is_refused(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)
    (folder / "0001_create_fruit.sql").write_text("CREATE TABLE fruit (name text NOT NULL)")

    with pytest.raises(ChangedMigration, match="0001_create_fruit"):
        await migrate(empty_database, folder=folder)


async def test_a_renamed_one_is_refused(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)
    (folder / "0002_add_colour.sql").rename(folder / "0002_add_color.sql")

    with pytest.raises(ChangedMigration, match="0002_add_colour"):
        await migrate(empty_database, folder=folder)


async def test_a_database_newer_than_the_code_is_refused(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)
    (folder / "0002_add_colour.sql").unlink()

    with pytest.raises(DatabaseIsNewer, match="0002_add_colour"):
        await migrate(empty_database, folder=folder)


async def test_other_line_endings_are_no_change(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)
    file = folder / "0001_create_fruit.sql"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    assert await migrate(empty_database, folder=folder) == []


async def test_many_processes_at_once_apply_each_only_once(empty_database: str, folder: Path) -> None:
    applied: list[list[str]] = []

    async def start() -> None:
        applied.append(await migrate(empty_database, folder=folder))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(start)

    assert sorted(applied) == [[], [], [], [], ["0001_create_fruit", "0002_add_colour"]]


async def test_waiting_for_another_process_has_an_end(empty_database: str, folder: Path) -> None:
    async with await AsyncConnection.connect(empty_database, autocommit=True) as other:
        await other.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])

        with pytest.raises(MigrationLockTimeout, match="pg_stat_activity"):
            await migrate(empty_database, folder=folder, lock_wait_max_s=0.2)

    assert await migrate(empty_database, folder=folder) != []


def as_guest(dsn: str) -> str:
    """The DSN of a login that may connect, read which migrations there are, and nothing else."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS turnlog_test_guest")
        connection.execute("CREATE ROLE turnlog_test_guest")
        connection.execute("GRANT SELECT ON turnlog_migrations TO turnlog_test_guest")
    return make_conninfo(dsn, options="-c role=turnlog_test_guest")


async def test_who_may_change_nothing_finds_that_nothing_is_to_be_changed(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)

    assert await migrate(as_guest(empty_database), folder=folder) == []


async def test_who_may_change_nothing_is_told_so_when_something_is_missing(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)
    guest = as_guest(empty_database)
    (folder / "0003_add_taste.sql").write_text("ALTER TABLE fruit ADD COLUMN taste text")

    with pytest.raises(MigrationNotAllowed, match="turnlog_test_guest"):
        await migrate(guest, folder=folder)


async def test_the_lock_is_given_back_after_a_refusal(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder=folder)
    file = folder / "0002_add_colour.sql"
    text = file.read_text()
    file.write_text("SELECT 1")
    with pytest.raises(ChangedMigration):
        await migrate(empty_database, folder=folder)

    file.write_text(text)
    assert await migrate(empty_database, folder=folder, lock_wait_max_s=1.0) == []


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_twice.sql", "0003.sql", "003_short.sql", "0003_Upper.sql"])
def test_a_badly_named_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1")

    with pytest.raises(InvalidMigrationFolder):
        read_migrations(folder)


async def test_the_projects_own_migrations_apply_to_an_empty_database(empty_database: str) -> None:
    applied = await migrate(empty_database)

    assert await migrate(empty_database) == []
    assert len(applied) == len(set(applied))


async def columns_of_fruit(dsn: str) -> list[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'fruit' ORDER BY ordinal_position"
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return [row[0] async for row in await connection.execute(query)]
