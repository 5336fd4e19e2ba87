"""The read tables of a database, written by the ordinary projection and judged from outside."""

from contextlib import suppress

import anyio
import psycopg
from psycopg.sql import SQL, Identifier

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.evidence import postgres_evidence
from adapters.postgres.pool import read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from app.operations.verify.verifying import Findings, everything, verify
from projections.ports import CheckpointMoved
from projections.runner import Runner
from tests.support.projecting import take_lead

VIEWS = ("conversation_sessions", "conversation_messages")


async def project_stored_events(dsn: str) -> None:
    """Bring the live tables to the end of the log, as a service does."""
    await _project(dsn, for_ever=False)


async def project_for_ever(dsn: str) -> None:
    """Go on projecting what is stored, until cancelled."""
    await _project(dsn, for_ever=True)


async def _project(dsn: str, *, for_ever: bool) -> None:
    async with read_pool(dsn, 1) as pool, PostgresProjectionStore(dsn).session() as session:
        runner = Runner(PostgresEventStore(BatchingAppender(dsn, AppendLimits()), pool))
        await take_lead(session)
        while True:
            checkpoint = await session.checkpoint()
            with suppress(CheckpointMoved):
                step = await runner.step(session, checkpoint)
                if step.position == checkpoint.position and not for_ever:
                    return
            if for_ever:
                await anyio.sleep(0.001)


async def findings(dsn: str) -> Findings:
    """What `turnlog verify` finds."""
    async with postgres_evidence(dsn) as source:
        return await verify(source, everything(source), lambda _findings, _total: None)


def read_tables(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of both tables, in an order of their own."""
    with psycopg.connect(dsn) as connection:
        query = SQL("SELECT t::text FROM {} AS t ORDER BY 1")
        return {view: connection.execute(query.format(Identifier(view))).fetchall() for view in VIEWS}


def live_tables(dsn: str) -> set[str]:
    """The numbered tables that the views show, as Postgres says."""
    query = """
        SELECT DISTINCT shown.relname FROM pg_class AS view
        JOIN pg_rewrite ON ev_class = view.oid
        JOIN pg_depend ON pg_depend.objid = pg_rewrite.oid
        JOIN pg_class AS shown ON shown.oid = pg_depend.refobjid AND shown.relkind = 'r'
        WHERE view.relname = ANY(%s)
    """
    with psycopg.connect(dsn) as connection:
        return {row[0] for row in connection.execute(query, [list(VIEWS)]).fetchall()}


def numbered_tables(dsn: str) -> set[str]:
    """Every numbered table that there is."""
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^conversation_(sessions|messages)_v'"
    with psycopg.connect(dsn) as connection:
        return {row[0] for row in connection.execute(query).fetchall()}
