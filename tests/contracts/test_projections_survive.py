"""F17: whatever happens to the connection in the middle of a page, there is neither a gap nor a double."""

from collections.abc import AsyncIterator
from hashlib import sha256

import anyio
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from adapters.postgres import projection_store
from adapters.postgres.pool import read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.row_writer import RowWriter
from app import projection_loop
from app.projected_position import ProjectedPosition
from app.projection_loop import ProjectionLoop
from app.redriver import Redriver
from domain.conversation import events as e
from domain.conversation.values import Policies
from domain.errors import StoreUnavailable
from projections.compaction import RowChanges
from projections.ports import RowsRejected
from projections.runner import Runner
from tests.contracts.projection_store_cases import assert_rows_equal_fold, page
from tests.support.decider import TENANT_ID, message_id
from tests.support.fault_proxy import FaultProxy, Way
from tests.support.moments import ANSWERED, END, INTERRUPTED
from tests.support.projecting import GivenLog, nobody_projects, project_all, take_lead
from tests.support.recording import history
from tests.support.waiting import until

WAIT_S = 10.0
SECRET = "my card number is 4111"


@pytest.fixture
def store(database: str) -> PostgresProjectionStore:
    return PostgresProjectionStore(database)


@pytest.fixture
async def models(database: str) -> AsyncIterator[PostgresReadModels]:
    async with read_pool(database, 2) as pool:
        yield PostgresReadModels(pool, nobody_projects())


def terminate_other_connections(database: str) -> None:
    """End every connection to this database but the one that asks."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


async def test_a_page_that_dies_before_its_commit_is_written_once(
    store: PostgresProjectionStore, models: PostgresReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = history((*INTERRUPTED, END))
    write_rows = RowWriter.write

    async def write_rows_and_die(writer: RowWriter, rows: RowChanges) -> None:
        await write_rows(writer, rows)
        raise KeyboardInterrupt

    for kept in (0, 3):
        async with store.session() as session:
            await take_lead(session)
            with monkeypatch.context() as patch:
                patch.setattr(RowWriter, "write", write_rows_and_die)
                with pytest.raises(KeyboardInterrupt):
                    await session.write(page(events[kept:], from_position=kept))
        async with store.session() as session:
            await take_lead(session)
            assert (await session.checkpoint()).position == kept
            until = 3 if kept == 0 else len(events)
            await session.write(page(events[kept:until], from_position=kept))

    await assert_rows_equal_fold(models, events)


async def test_a_connection_that_is_ended_gives_up_its_lead_and_says_so(
    store: PostgresProjectionStore, database: str
) -> None:
    async with store.session() as session:
        await take_lead(session)
        terminate_other_connections(database)
        with pytest.raises(StoreUnavailable):
            await session.beat()
        with pytest.raises(StoreUnavailable):
            await session.write(page(history(ANSWERED)))
        async with store.session() as next_session:
            await take_lead(next_session)


async def test_a_database_that_is_away_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        async with PostgresProjectionStore("host=127.0.0.1 port=1 dbname=x").session():
            pass


async def test_the_loop_projects_every_event_once_while_its_connections_die(
    store: PostgresProjectionStore, models: PostgresReadModels, database: str
) -> None:
    story = [*ANSWERED]
    story += [
        e.MessageRecorded(message_id=message_id(100 + number), role="system", content="x") for number in range(200)
    ]
    events = history(story)
    projected = ProjectedPosition()
    log = GivenLog(events)
    loop = ProjectionLoop(Runner(log, max_page_events=3), store, projected, Redriver(log))

    async with anyio.create_task_group() as group:
        group.start_soon(loop.run)
        for position in range(0, len(events), 40):
            assert await projected.wait(position, WAIT_S)
            terminate_other_connections(database)
        assert await projected.wait(len(events), WAIT_S)
        group.cancel_scope.cancel()

    await assert_rows_equal_fold(models, events)


async def test_rows_that_are_refused_are_no_passing_failure_and_their_text_is_not_told(
    store: PostgresProjectionStore,
) -> None:
    poison = e.MessageRecorded(message_id=message_id(1), role="user", content=f"{SECRET}\0")
    events = history([*ANSWERED[:1], poison])
    async with store.session() as session:
        await take_lead(session)
        with pytest.raises(RowsRejected) as refusal:
            await session.write(page(events))
        assert (await session.checkpoint()).position == 0

    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None


async def test_a_row_that_is_too_large_parks_its_conversation(store: PostgresProjectionStore) -> None:
    # given a value that no index holds; Postgres counts it among what an operator may mend by trying again
    too_long = "".join(sha256(bytes([number])).hexdigest() for number in range(255))
    events = history([e.ConversationStarted(tenant_id=TENANT_ID, user_id=too_long, policies=Policies()), *ANSWERED[1:]])
    async with store.session() as session:
        await take_lead(session)
        await project_all(GivenLog(events), session)
        (letter,) = await session.dead_letters()

    assert (letter.poison.version, letter.poison.error) == (1, "SQLSTATE 54000")


async def test_a_table_that_is_gone_parks_nobody_and_is_waited_for(
    store: PostgresProjectionStore, models: PostgresReadModels, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_loop, "BACKOFF_MAX_S", 0.05)
    log = GivenLog(history(ANSWERED))
    projected = ProjectedPosition()
    loop = ProjectionLoop(Runner(log), store, projected, Redriver(log))
    rename_table(database, "conversation_messages", "elsewhere")

    async with anyio.create_task_group() as group:
        group.start_soon(loop.run)
        await until(lambda: loop.status().failures > 1, WAIT_S)
        assert "SQLSTATE 42P01" in (loop.status().last_failure or "")
        rename_table(database, "elsewhere", "conversation_messages")
        assert await projected.wait(4, WAIT_S)
        group.cancel_scope.cancel()

    assert loop.status().quarantined_conversations == 0
    await assert_rows_equal_fold(models, log.events)


def rename_table(database: str, name: str, new_name: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        rename = SQL("ALTER VIEW {} RENAME TO {}")
        connection.execute(rename.format(Identifier(name), Identifier(new_name)))


async def test_an_answer_that_is_lost_is_not_projected_again(
    database: str, models: PostgresReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_loop, "POLL_INTERVAL_S", 0.01)
    events = history((*INTERRUPTED, END))
    log = GivenLog()
    projected = ProjectedPosition()
    async with FaultProxy(database) as proxy, anyio.create_task_group() as group:
        loop = ProjectionLoop(Runner(log), PostgresProjectionStore(proxy.dsn), projected, Redriver(log))
        group.start_soon(loop.run)
        for event in events:
            # Somewhere in the answers of a page, the commit's among them; how far differs from event to event.
            proxy.cut_after(Way.TO_CLIENT, 40 * event.version)
            log.events.append(event)
            loop.wake([event])
            await anyio.sleep(0.05)
            proxy.heal()
            assert await projected.wait(event.position, WAIT_S)
        assert proxy.cuts > 0
        group.cancel_scope.cancel()

    await assert_rows_equal_fold(models, events)


async def test_a_stalled_link_is_given_up(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection_store, "STALL_TIMEOUT_S", 0.2)
    async with FaultProxy(database) as proxy, PostgresProjectionStore(proxy.dsn).session() as session:
        await take_lead(session)
        proxy.stall()
        with pytest.raises(StoreUnavailable), anyio.fail_after(WAIT_S):
            await session.write(page(history(ANSWERED)))
