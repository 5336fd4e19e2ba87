"""Given a log, when the loop runs, then the tables follow: at once, through every failure, and only one loop writes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from adapters.memory.projection_store import MemoryProjectionStore
from app import projection_loop
from app.projected_position import ProjectedPosition
from app.projection_loop import ProjectionLoop
from domain.errors import StoreUnavailable
from domain.ports import RecordedEvent
from projections.changes import Change
from projections.ports import CheckpointMoved
from projections.runner import Runner
from tests.support.decider import CONVERSATION_ID
from tests.support.moments import ANSWERED
from tests.support.projecting import GivenLog
from tests.support.recording import history

WAIT_S = 5.0


class Projecting:
    """A loop over a log and tables of this test."""

    def __init__(self, log: GivenLog, store: MemoryProjectionStore, max_page_events: int = 2) -> None:
        self.projected = ProjectedPosition()
        self.loop = ProjectionLoop(Runner(log, max_page_events=max_page_events), store, self.projected)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Projecting"]:
        """Until the block ends."""
        async with anyio.create_task_group() as group:
            group.start_soon(self.loop.run)
            yield self
            group.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in a test."""
    monkeypatch.setattr(projection_loop, "BACKOFF_MAX_S", 0.01)
    monkeypatch.setattr(projection_loop, "STANDBY_INTERVAL_S", 0.05)


@pytest.fixture
def store() -> MemoryProjectionStore:
    return MemoryProjectionStore()


async def until(condition: Callable[[], bool]) -> None:
    """Give the loop time."""
    with anyio.fail_after(WAIT_S):
        while not condition():  # noqa: ASYNC110 - the condition is what the loop does, which has no event for it
            await anyio.sleep(0.005)


async def test_the_loop_catches_up_page_by_page(store: MemoryProjectionStore) -> None:
    log = GivenLog(history(ANSWERED))

    async with Projecting(log, store).running() as projecting:
        assert await projecting.projected.wait(4, WAIT_S)

    assert store.checkpoint.position == 4
    assert store.sessions[CONVERSATION_ID].version == 4
    assert len(store.messages) == 2


async def test_a_wake_up_is_enough_and_no_poll_is_waited_for(
    store: MemoryProjectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_loop, "POLL_INTERVAL_S", 60)
    log = GivenLog()
    async with Projecting(log, store).running() as projecting:
        await anyio.wait_all_tasks_blocked()
        for event in history(ANSWERED):
            log.events.append(event)
            projecting.loop.wake([event])
            assert projecting.loop.status().lag_events == 1
            assert await projecting.projected.wait(event.position, WAIT_S)
            assert projecting.loop.status().lag_events == 0
        await until(lambda: projecting.loop.status().seconds_behind == 0)


async def test_without_a_wake_up_a_poll_finds_the_events(
    store: MemoryProjectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_loop, "POLL_INTERVAL_S", 0.01)
    log = GivenLog()
    async with Projecting(log, store).running() as projecting:
        await anyio.wait_all_tasks_blocked()
        log.events.extend(history(ANSWERED))
        assert await projecting.projected.wait(4, WAIT_S)


async def test_transient_failures_are_told_and_outlived(store: MemoryProjectionStore) -> None:
    log = GivenLog(history(ANSWERED))
    log.failures = [StoreUnavailable() for _ in range(20)]
    projecting = Projecting(log, store)
    async with projecting.running():
        await until(lambda: projecting.loop.status().failures > 2)
        assert "cannot be reached" in (projecting.loop.status().last_failure or "")
        assert projecting.loop.status().seconds_behind > 0
        assert await projecting.projected.wait(4, WAIT_S)
        await until(lambda: projecting.loop.status().failures == 0)
    assert len(store.messages) == 2


async def test_an_event_that_cannot_be_projected_ends_the_loop_and_moves_nothing(store: MemoryProjectionStore) -> None:
    def project(recorded: RecordedEvent) -> list[Change]:
        raise ZeroDivisionError

    runner = Runner(GivenLog(history(ANSWERED)), [project])

    with pytest.raises(ZeroDivisionError), anyio.fail_after(WAIT_S):
        await ProjectionLoop(runner, store, ProjectedPosition()).run()

    assert store.checkpoint.position == 0


async def test_unknown_events_are_skipped_and_counted(store: MemoryProjectionStore) -> None:
    log = GivenLog(history(ANSWERED), unknown=[2, 4])
    projecting = Projecting(log, store)
    async with projecting.running():
        assert await projecting.projected.wait(4, WAIT_S)
        assert projecting.loop.status().unknown_events == 2
    assert store.checkpoint.unknown_events == 2


async def test_of_two_loops_one_writes_and_both_know_the_position(store: MemoryProjectionStore) -> None:
    log = GivenLog()
    first, second = Projecting(log, store), Projecting(log, store)
    async with second.running():
        async with first.running():
            await until(lambda: first.loop.status().is_leading or second.loop.status().is_leading)
            assert first.loop.status().is_leading is not second.loop.status().is_leading
            log.events.extend(history(ANSWERED)[:2])
            first.loop.wake()
            second.loop.wake()
            assert await first.projected.wait(2, WAIT_S)
            assert await second.projected.wait(2, WAIT_S)
        await until(lambda: second.loop.status().is_leading)
        log.events.extend(history(ANSWERED)[2:])
        second.loop.wake()
        assert await second.projected.wait(4, WAIT_S)
    assert len(store.messages) == 2


async def test_who_finds_the_checkpoint_moved_begins_again_from_it(store: MemoryProjectionStore) -> None:
    log = GivenLog(history(ANSWERED))
    log.failures = [CheckpointMoved(0)]
    projecting = Projecting(log, store)
    async with projecting.running():
        assert await projecting.projected.wait(4, WAIT_S)
    assert store.sessions[CONVERSATION_ID].message_count == 2


async def test_a_sign_of_life_is_left_where_nothing_happens(
    store: MemoryProjectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_loop, "POLL_INTERVAL_S", 0.01)
    monkeypatch.setattr(projection_loop, "HEARTBEAT_INTERVAL_S", 0.01)
    async with Projecting(GivenLog(), store).running():
        await until(lambda: store.beats > 3)


async def test_events_gather_unless_somebody_waits_for_them(
    store: MemoryProjectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_loop, "POLL_INTERVAL_S", 60)
    monkeypatch.setattr(projection_loop, "GATHER_S", 60)
    log = GivenLog()
    async with Projecting(log, store).running() as projecting:
        await anyio.wait_all_tasks_blocked()
        log.events.extend(history(ANSWERED)[:1])
        projecting.loop.wake(log.events)
        await anyio.wait_all_tasks_blocked()
        assert projecting.projected.position == 0
        assert await projecting.projected.wait(1, WAIT_S)


async def test_what_is_known_and_missing_makes_it_late_and_what_is_old_does_not(store: MemoryProjectionStore) -> None:
    log = GivenLog()
    async with Projecting(log, store).running() as projecting:
        await until(lambda: projecting.loop.status().seconds_behind == 0)
        events = history(ANSWERED)
        projecting.loop.wake(events[:2])
        await until(lambda: projecting.loop.status().seconds_behind > 0)
        assert projecting.loop.status().lag_events == 2

        log.events.extend(events[:2])
        assert await projecting.projected.wait(2, WAIT_S)
        await until(lambda: projecting.loop.status().seconds_behind == 0)
        projecting.loop.wake(events[:1])
        assert projecting.loop.status().seconds_behind == 0
