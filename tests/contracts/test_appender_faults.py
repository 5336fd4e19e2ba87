"""The link to Postgres fails in every way; every command is told the truth, and nobody has to repair anything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from time import perf_counter
from typing import TypeVar

import psycopg
import pytest

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from domain.errors import OutcomeUnknown, StoreUnavailable
from domain.ports import RecordedEvent
from tests.support.appends import an_append, message, running, running_appender
from tests.support.fault_proxy import FaultProxy, Way
from tests.support.history import stored_events
from tests.support.waiting import until

Item = TypeVar("Item")


@pytest.fixture
async def proxy(database: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(database) as proxy:
        yield proxy


@pytest.fixture
async def appender(proxy: FaultProxy) -> AsyncIterator[BatchingAppender]:
    """Behind the proxy, connected and warm: its statements are prepared."""
    limits = AppendLimits(statement_timeout_s=0.5, outcome_deadline_s=1.5)
    async with running(BatchingAppender(proxy.dsn, limits)) as appender:
        await appender.append(an_append())
        await appender.append(an_append())
        yield appender


async def timed(awaitable: Awaitable[Item]) -> tuple[Item | BaseException, float]:
    started_at = perf_counter()
    outcome = (await asyncio.gather(awaitable, return_exceptions=True))[0]
    return outcome, perf_counter() - started_at


async def eventually_stored(dsn: str, count: int) -> None:
    await until(lambda: len(stored_events(dsn)) >= count)


async def assert_works(appender: BatchingAppender) -> None:
    """Without anybody's help."""
    append = an_append()
    (event,) = await appender.append(append)
    assert event.event_id == append.event_ids[0]


@pytest.mark.parametrize("size", [1, 2])
async def test_a_link_cut_after_the_commit_and_before_the_answer_is_a_success_once(
    database: str, proxy: FaultProxy, appender: BatchingAppender, size: int
) -> None:
    await appender.append(an_append(events=[message()] * size))  # so that the statement is prepared
    before = len(stored_events(database))
    told: list[RecordedEvent] = []
    appender.on_committed = told.extend
    append = an_append(events=[message() for _ in range(size)])
    proxy.cut_after(Way.TO_CLIENT, 0)

    waiting = asyncio.ensure_future(appender.append(append))
    await eventually_stored(database, before + size)
    assert proxy.cuts == 1
    assert not waiting.done()
    proxy.heal()

    events = await waiting
    assert [event.event_id for event in events] == list(append.event_ids)
    assert stored_events(database)[before:] == events == tuple(told)
    await assert_works(appender)


@pytest.mark.parametrize("passing_bytes", [0, 100])
async def test_a_link_cut_before_the_whole_statement_has_arrived_stores_it_once(
    database: str, proxy: FaultProxy, appender: BatchingAppender, passing_bytes: int
) -> None:
    proxy.cut_after(Way.TO_SERVER, passing_bytes)

    waiting = asyncio.ensure_future(appender.append(an_append()))
    await until(lambda: proxy.cuts == 1)
    assert len(stored_events(database)) == 2
    proxy.heal()

    events = await waiting
    assert stored_events(database)[2:] == events
    await assert_works(appender)


async def test_an_answer_lost_without_a_word_is_a_success_once(
    database: str, proxy: FaultProxy, appender: BatchingAppender
) -> None:
    proxy.drop(Way.TO_CLIENT)

    waiting = asyncio.ensure_future(appender.append(an_append()))
    await eventually_stored(database, 3)
    proxy.heal()

    events = await waiting
    assert stored_events(database)[2:] == events
    await assert_works(appender)


async def test_a_statement_lost_without_a_word_is_stored_once(
    database: str, proxy: FaultProxy, appender: BatchingAppender
) -> None:
    proxy.drop(Way.TO_SERVER)

    waiting = asyncio.ensure_future(appender.append(an_append()))
    await asyncio.sleep(0.2)
    proxy.heal()

    events = await waiting
    assert stored_events(database)[2:] == events
    await assert_works(appender)


async def test_somebody_elses_event_while_the_outcome_was_unknown_is_told_apart_from_ours(
    database: str, proxy: FaultProxy, appender: BatchingAppender
) -> None:
    stored, lost = an_append(), an_append()
    proxy.cut_after(Way.TO_CLIENT, 0)
    waiting_for_stored = asyncio.ensure_future(appender.append(stored))
    await eventually_stored(database, 3)
    async with running_appender(database) as other:
        await other.append(an_append(stored.conversation_id, 1))
        waiting_for_lost = asyncio.ensure_future(appender.append(lost))
        theirs = await other.append(an_append(lost.conversation_id, 0))
        proxy.heal()

        assert [event.version for event in await waiting_for_stored] == [1]
        with pytest.raises(Exception, match="is at version 1, not at the expected 0"):
            await waiting_for_lost
        assert theirs[0] in stored_events(database)


async def test_a_database_away_past_the_deadline_leaves_what_was_sent_unknown_and_the_rest_certain(
    database: str, proxy: FaultProxy, appender: BatchingAppender
) -> None:
    sent = an_append()
    proxy.cut_after(Way.TO_CLIENT, 0)
    sent_outcome = asyncio.ensure_future(timed(appender.append(sent)))
    await eventually_stored(database, 3)

    outcome, seconds = await timed(appender.append(an_append()))
    assert isinstance(outcome, StoreUnavailable)
    assert seconds < 2.5
    outcome, seconds = await sent_outcome
    assert isinstance(outcome, OutcomeUnknown)
    assert outcome.command_id == sent.origin.command_id
    assert seconds < 2.5

    proxy.heal()
    await assert_works(appender)
    again = an_append(sent.conversation_id, command_id=sent.origin.command_id)
    with pytest.raises(Exception, match="carried out before"):
        await appender.append(again)


async def test_a_refusal_after_a_lost_answer_does_not_make_the_outcome_certain(
    database: str, proxy: FaultProxy, appender: BatchingAppender
) -> None:
    proxy.cut_after(Way.TO_SERVER, 0)
    waiting = asyncio.ensure_future(timed(appender.append(an_append())))
    await until(lambda: proxy.cuts == 1)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE stored_events RENAME TO elsewhere")
        proxy.heal()
        outcome, _ = await waiting
        connection.execute("ALTER TABLE elsewhere RENAME TO stored_events")

    assert isinstance(outcome, OutcomeUnknown)
    await assert_works(appender)


async def test_what_was_never_sent_is_not_stored_after_its_caller_was_told_so(
    database: str, proxy: FaultProxy, appender: BatchingAppender
) -> None:
    proxy.go_away()
    await asyncio.gather(*[appender.append(an_append()) for _ in range(5)], return_exceptions=True)

    outcomes = await asyncio.gather(*[appender.append(an_append()) for _ in range(5)], return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    proxy.heal()
    await assert_works(appender)
    stored = {event.origin.command_id for event in stored_events(database)}
    assert len(stored) == 3  # the two that warmed it up, and the last


async def test_with_the_usual_limits_a_stalled_link_is_answered_within_six_seconds_and_heals(
    database: str, proxy: FaultProxy
) -> None:
    async with running(BatchingAppender(proxy.dsn, AppendLimits())) as appender:
        await appender.append(an_append())
        proxy.stall()
        in_flight = asyncio.ensure_future(timed(appender.append(an_append())))
        await asyncio.sleep(0.5)
        queued = asyncio.ensure_future(timed(appender.append(an_append())))

        outcome, seconds = await in_flight
        assert isinstance(outcome, OutcomeUnknown)
        assert seconds <= 6
        outcome, seconds = await queued
        assert isinstance(outcome, StoreUnavailable)
        assert seconds <= 6

        proxy.heal()
        outcome, seconds = await timed(appender.append(an_append()))
        assert isinstance(outcome, tuple)
        assert seconds <= 5


async def test_a_slow_link_only_makes_it_slow(database: str, proxy: FaultProxy, appender: BatchingAppender) -> None:
    proxy.delay_s = 0.1

    outcomes = await asyncio.gather(*[appender.append(an_append()) for _ in range(20)])

    assert len(outcomes) == 20
    assert len(stored_events(database)) == 22


async def test_a_stalled_batch_does_not_hold_up_a_shutdown(
    database: str, proxy: FaultProxy, appender: BatchingAppender
) -> None:
    proxy.stall()
    waiting = asyncio.ensure_future(appender.append(an_append()))
    await asyncio.sleep(0.1)

    _, seconds = await timed(appender.drain())

    assert seconds < 2.5
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], OutcomeUnknown)


async def test_a_lock_held_by_somebody_delays_and_is_then_certain(database: str) -> None:
    async with running_appender(f"{database} options='-c statement_timeout=300'", outcome_deadline_s=1.5) as appender:
        await appender.append(an_append())
        async with await psycopg.AsyncConnection.connect(database) as holder:
            await holder.execute("SELECT pg_advisory_xact_lock(turnlog_append_lock())")
            patient = asyncio.ensure_future(timed(appender.append(an_append())))
            await asyncio.sleep(0.5)
        outcome, _ = await patient

        assert isinstance(outcome, tuple)
        await assert_works(appender)
    assert len(stored_events(database)) == 3


async def test_a_server_that_refuses_writes_for_a_while_is_waited_for(database: str) -> None:
    """As after a failover, or with a full disk: the server answers with an error that is nobody's fault."""
    async with running_appender(database, outcome_deadline_s=5) as appender:
        await appender.append(an_append())
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ALTER TABLE stored_events RENAME TO elsewhere")
            waiting = asyncio.ensure_future(appender.append(an_append()))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            connection.execute("ALTER TABLE elsewhere RENAME TO stored_events")

        assert len(await waiting) == 1
        await assert_works(appender)
    assert len(stored_events(database)) == 3
