"""One flush carries all that waits; what does not fit is refused at once; nobody's going away spoils a batch."""

import asyncio

import psycopg
import pytest

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from domain.errors import Overloaded, StoreUnavailable, VersionConflict
from domain.ports import RecordedEvent
from tests.support.appends import an_append, message, new_conversation, new_id, running, running_appender
from tests.support.history import stored_events


def sizes_of_batches(dsn: str) -> list[int]:
    """How many events each transaction stored, in order."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT count(*) FROM stored_events GROUP BY xmin ORDER BY min(notification_id)")
        return [size for (size,) in rows]


async def test_all_that_waits_goes_in_two_transactions_whose_callers_take_turns(database: str) -> None:
    async with running_appender(database, batch_max_commands=10_000) as appender:
        await asyncio.gather(*[appender.append(an_append()) for _ in range(1_000)])

    assert sizes_of_batches(database) == [500, 500]


async def test_what_comes_during_a_flush_goes_together_in_the_next(database: str) -> None:
    async with running_appender(database) as appender:

        async def caller() -> None:
            conversation_id = new_conversation()
            for version in range(20):
                await appender.append(an_append(conversation_id, version))

        await asyncio.gather(*[caller() for _ in range(50)])

    assert sum(sizes_of_batches(database)) == 1_000
    assert len(sizes_of_batches(database)) < 100


async def test_a_batch_is_bounded_by_commands(database: str) -> None:
    async with running_appender(database, batch_max_commands=10) as appender:
        await asyncio.gather(*[appender.append(an_append()) for _ in range(95)])

    assert sizes_of_batches(database) == [10] * 9 + [5]


async def test_a_batch_is_bounded_by_bytes(database: str) -> None:
    async with running_appender(database, batch_max_bytes=12_000) as appender:
        await asyncio.gather(*[appender.append(an_append(events=[message("x" * 5_000)])) for _ in range(9)])

    assert sizes_of_batches(database) == [2, 2, 2, 2, 1]


async def test_positions_rise_over_batches_in_the_order_of_the_answers(database: str) -> None:
    told: list[RecordedEvent] = []
    async with running_appender(database, batch_max_commands=7) as appender:
        appender.on_committed = told.extend
        await asyncio.gather(*[appender.append(an_append(events=[message(), message()])) for _ in range(50)])

    positions = [event.position for event in told]
    assert positions == sorted(set(positions))
    assert told == list(stored_events(database))


async def test_the_listener_hears_of_what_was_stored_beside_a_conflict_and_of_nothing_else(database: str) -> None:
    told: list[RecordedEvent] = []
    async with running_appender(database) as appender:
        appender.on_committed = told.extend
        good = [an_append() for _ in range(3)]
        await asyncio.gather(
            *map(appender.append, [good[0], an_append(expected_version=4), *good[1:]]), return_exceptions=True
        )

    assert told == list(stored_events(database))
    assert len(told) == 3


@pytest.mark.parametrize(
    "limits", [AppendLimits(queue_max_commands=10), AppendLimits(queue_max_bytes=10 * 1_600)], ids=["count", "bytes"]
)
async def test_a_full_queue_refuses_at_once_and_keeps_what_it_has(database: str, limits: AppendLimits) -> None:
    appender = BatchingAppender(database, limits)
    taken = [asyncio.ensure_future(appender.append(an_append(events=[message("x" * 1_000)]))) for _ in range(10)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded) as refusal:
        async with asyncio.timeout(0.1):
            await appender.append(an_append(events=[message("x" * 1_000)]))

    assert refusal.value.retry_after_ms > 0
    assert appender.queue_depth == 10
    async with running(appender):
        await asyncio.gather(*taken)
        await appender.append(an_append())
    assert len(stored_events(database)) == 11


async def test_a_caller_who_goes_away_changes_nothing(database: str) -> None:
    async with running_appender(database) as appender:
        appends = [an_append() for _ in range(10)]
        callers = [asyncio.ensure_future(appender.append(append)) for append in appends]
        await asyncio.sleep(0)
        callers[0].cancel()
        callers[7].cancel()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes].count(True) == 2
    assert {event.event_id for event in stored_events(database)} == {append.event_ids[0] for append in appends}


async def test_draining_answers_all_that_was_taken_in_and_takes_nothing_more(database: str) -> None:
    async with running_appender(database, batch_max_commands=10) as appender:
        callers = [asyncio.ensure_future(appender.append(an_append())) for _ in range(100)]
        await asyncio.sleep(0)

        await appender.drain()

        assert appender.queue_depth == 0
        with pytest.raises(StoreUnavailable):
            await appender.append(an_append())
        await asyncio.gather(*callers)
    assert len(stored_events(database)) == 100


async def test_who_is_unanswered_when_the_task_is_cancelled_is_told(database: str) -> None:
    appender = BatchingAppender(database, AppendLimits())
    callers = [asyncio.ensure_future(appender.append(an_append())) for _ in range(10)]
    await asyncio.sleep(0)
    task = asyncio.create_task(appender.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes), outcomes
    assert stored_events(database) == ()


async def test_fifty_writers_of_one_conversation_over_two_appenders_leave_no_hole(database: str) -> None:
    conversation_id = new_conversation()
    async with running_appender(database) as one, running_appender(database) as other:

        async def writer(appender: BatchingAppender) -> int:
            conflicts, version = 0, 0
            for _ in range(4):
                while True:
                    try:
                        version = (await appender.append(an_append(conversation_id, version)))[-1].version
                        break
                    except VersionConflict as conflict:
                        conflicts, version = conflicts + 1, conflict.version
            return conflicts

        conflicts = await asyncio.gather(*[writer(appender) for appender in (one, other) for _ in range(25)])

    assert [event.version for event in stored_events(database)] == list(range(1, 201))
    assert sum(conflicts) > 0


async def test_one_command_sent_fifty_times_over_two_appenders_is_one_event(database: str) -> None:
    conversation_id, command_id = new_conversation(), new_id()
    async with running_appender(database) as one, running_appender(database) as other:
        outcomes = await asyncio.gather(
            *[
                appender.append(an_append(conversation_id, command_id=command_id))
                for _ in range(25)
                for appender in (one, other)
            ],
            return_exceptions=True,
        )

    assert len(stored_events(database)) == 1
    assert [isinstance(outcome, tuple) for outcome in outcomes].count(True) == 1
    assert {type(outcome).__name__ for outcome in outcomes} == {"tuple", "CommandRepeated"}
