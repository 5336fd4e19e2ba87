"""Backends and servers are killed under load: what was acknowledged is there, once, and the writers go on."""

import asyncio
import os
import signal
from pathlib import Path

import psycopg

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.migrate import migrate
from tests.support.embedded import postmaster
from tests.support.history import HistoryLog, judge, read_log, stored_events
from tests.support.postgres import embedded_server
from tests.support.waiting import until
from tests.support.writers import Writer, running_use_case, writing

LIMITS = AppendLimits(statement_timeout_s=2.0, outcome_deadline_s=5.0)
WRITERS = 20

TERMINATE_ALL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def acknowledged(writers: list[Writer]) -> int:
    return sum(writer.acknowledged for writer in writers)


async def progress(writers: list[Writer], commands: int, patience_s: float = 10.0) -> None:
    """Wait until the writers have had so many more commands acknowledged."""
    wanted = acknowledged(writers) + commands
    await until(lambda: acknowledged(writers) >= wanted, patience_s)


async def test_every_backend_is_terminated_again_and_again(database: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    log = HistoryLog(path)
    terminated = 0
    async with (
        running_use_case(database, LIMITS) as one,
        running_use_case(database, LIMITS) as other,
        writing(one, log, WRITERS) as writers,
        writing(other, log, WRITERS) as other_writers,
        await psycopg.AsyncConnection.connect(database, autocommit=True) as connection,
    ):
        for _ in range(20):
            await progress([*writers, *other_writers], 50)
            row = await (await connection.execute(TERMINATE_ALL)).fetchone()
            terminated += row[0] if row else 0
        await progress(writers, 50)
        await progress(other_writers, 50)

    assert terminated >= 20
    assert judge(read_log(path), stored_events(database)) == []


async def test_postgres_is_killed_and_started_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    log = HistoryLog(path)
    with embedded_server(durable=True) as server:
        await migrate(server.dsn)
        async with running_use_case(server.dsn, LIMITS) as run_command, writing(run_command, log, WRITERS) as writers:
            for _ in range(5):
                await progress(writers, 100)
                await kill_and_start(server)
            await progress(writers, 100)

        assert judge(read_log(path), stored_events(server.dsn)) == []


async def kill_and_start(server: EmbeddedPostgres) -> None:
    os.kill(postmaster(server.data_dir), signal.SIGKILL)
    await until(lambda: not server.is_running)
    await asyncio.sleep(0.2)
    server.start()
