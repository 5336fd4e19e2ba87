"""A library application, subscription and projection beside our appender: nothing is lost or comes out of order."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from adapters.eventsourcing import ApplicationRecorder, Factory, TrackingRecorder
from adapters.eventsourcing.subscription import POLL_INTERVAL_S
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from tests.support.appends import an_append, message, new_conversation, running_appender
from tests.support.library_watcher import library_environment, watching
from tests.support.waiting import until

OUR_LOCKS = ["SELECT pg_advisory_xact_lock(turnlog_append_lock())", "LOCK TABLE stored_events IN ROW EXCLUSIVE MODE"]
THE_LIBRARYS_OWN_LOCKS = ["LOCK TABLE stored_events IN EXCLUSIVE MODE"]
INSERT = """
INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (gen_random_uuid(), 1, 'held', '')
"""


class Door(Aggregate):
    """Opened once, passed many times."""

    TOPIC = "test_door"

    class Created(Aggregate.Created):
        TOPIC = "test_door_created"

    class Passed(Aggregate.Event):
        TOPIC = "test_door_passed"
        number: int

    @event(Created)
    def __init__(self) -> None:
        self.passed = 0

    @event(Passed)
    def pass_through(self, number: int) -> None:
        self.passed += 1


class Doors(Application[UUID]):
    """The library's side."""


class Passages(TrackingRecorder):
    """Every passage in the order in which it came."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        create = "CREATE TABLE IF NOT EXISTS passages (place serial, tracker text, door uuid, number int)"
        self.sql_create_statements.append(SQL(create).format())

    def add(self, door: UUID, number: int, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute("INSERT INTO passages (tracker, door, number) VALUES (%s, %s, %s)", [NAME, door, number])

    def numbers(self, door: UUID) -> list[int]:
        with self.datastore.transaction() as cursor:
            rows = cursor.execute("SELECT number FROM passages WHERE door = %s ORDER BY place", [door])
            return [row["number"] for row in rows]


NAME = "passages"


class CountPassages(Projection[Passages]):
    """Runs beside the appender."""

    topics = (Door.Passed.TOPIC,)

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.add(domain_event.originator_id, domain_event.number, tracking)


@pytest.fixture
def environment(database: str) -> dict[str, str]:
    return library_environment(database)


@pytest.fixture
def recorder(environment: dict[str, str]) -> Iterator[ApplicationRecorder]:
    with Factory(environment) as factory:
        yield factory.application_recorder()


def positions_in(dsn: str) -> list[int]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute("SELECT notification_id FROM stored_events ORDER BY notification_id")
        return [position for (position,) in rows]


def pass_doors(app: Doors, doors: int, times: int) -> list[UUID]:
    """As an application works: load, change, save."""

    def pass_one(_: int) -> UUID:
        door = Door()
        app.save(door)
        for number in range(times):
            door = app.repository.get(door.id)
            door.pass_through(number)
            app.save(door)
        return door.id

    with ThreadPoolExecutor(doors) as threads:
        return list(threads.map(pass_one, range(doors)))


async def test_an_application_its_projection_and_the_appender_work_side_by_side(
    database: str, environment: dict[str, str], recorder: ApplicationRecorder
) -> None:
    async def caller() -> None:
        conversation_id = new_conversation()
        for version in range(0, 100, 2):
            await appender.append(an_append(conversation_id, version, events=[message(), message()]))

    runner = await asyncio.to_thread(
        ProjectionRunner,
        application_class=Doors,
        projection_class=CountPassages,
        view_class=Passages,
        env=environment,
    )
    with runner:
        async with running_appender(database) as appender, watching(recorder) as watcher:
            work = asyncio.to_thread(pass_doors, runner.app, 4, 25)
            doors, _ = await asyncio.gather(work, asyncio.gather(*[caller() for _ in range(10)]))
            await until(lambda: len(watcher.seen) >= 10 * 100 + 4 * 26, patience_s=10)
        last_position = max(seen.id for seen in watcher.seen if seen.topic == Door.Passed.TOPIC)
        await asyncio.to_thread(runner.wait, last_position, 10)
        numbers = [runner.view.numbers(door) for door in doors]
    runner.view.datastore.close()

    assert numbers == [list(range(25))] * 4
    assert watcher.positions == positions_in(database)


@pytest.mark.parametrize("locks", [OUR_LOCKS, THE_LIBRARYS_OWN_LOCKS], ids=["our locks", "the library's own locks"])
async def test_what_waits_behind_a_held_transaction_gets_later_positions_and_nobody_skips(
    database: str, recorder: ApplicationRecorder, locks: list[str]
) -> None:
    async with (
        running_appender(database) as appender,
        watching(recorder) as watcher,
        read_pool(database, 2) as pool,
        await psycopg.AsyncConnection.connect(database) as holder,
    ):
        store = PostgresEventStore(appender, pool)
        await appender.append(an_append())
        for lock in locks:
            await holder.execute(lock)
        await holder.execute(INSERT)
        waiting = asyncio.gather(*[appender.append(an_append()) for _ in range(10)])
        theirs = asyncio.to_thread(recorder.insert_events, [StoredEvent(uuid4(), 1, "theirs", b"")])
        theirs_waiting = asyncio.ensure_future(theirs)
        await asyncio.sleep(0.5)

        assert not waiting.done()
        assert not theirs_waiting.done()
        assert (await store.read_page(0, 100)).last_position == max(positions_in(database))
        assert len(watcher.seen) == 1

        await holder.commit()
        await waiting
        await theirs_waiting
        await until(lambda: len(watcher.seen) == 13)

    assert watcher.positions == positions_in(database) == sorted(watcher.positions)
    assert [notification.topic for notification in watcher.seen][1] == "held"


async def test_a_reader_never_sees_a_position_appear_below_one_it_has_read(
    database: str, recorder: ApplicationRecorder
) -> None:
    read: list[int] = []

    async def reader() -> None:
        async with read_pool(database, 2) as pool:
            store = PostgresEventStore(appender, pool)
            position = 0
            while len(read) < 10 * 20 + 4 * 20:
                page = await store.read_page(position, 7)
                read.extend(range(len(page.events) + page.unknown_events))
                assert page.last_position >= position
                position = page.last_position
                await asyncio.sleep(0)

    def write() -> None:
        for _ in range(20):
            recorder.insert_events([StoredEvent(uuid4(), version, "theirs", b"") for version in range(1, 5)])

    async def caller() -> None:
        for _ in range(20):
            await appender.append(an_append())

    async with running_appender(database) as appender, asyncio.timeout(30):
        await asyncio.gather(asyncio.to_thread(write), reader(), *[caller() for _ in range(10)])

    assert len(read) == len(positions_in(database))


async def test_a_subscription_sees_what_nobody_announced(database: str, recorder: ApplicationRecorder) -> None:
    async with watching(recorder) as watcher:
        await asyncio.sleep(0.3)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(INSERT)

        await until(lambda: len(watcher.seen) == 1, patience_s=POLL_INTERVAL_S + 1)


async def test_a_subscription_survives_the_loss_of_its_connections(
    database: str, recorder: ApplicationRecorder
) -> None:
    async with watching(recorder) as watcher, running_appender(database) as appender:
        await appender.append(an_append())
        await until(lambda: len(watcher.seen) == 1)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await appender.append(an_append())

        await until(lambda: len(watcher.seen) == 2, patience_s=POLL_INTERVAL_S + 2)
