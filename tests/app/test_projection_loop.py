"""Given a log, when the loop runs, then the tables follow: at once, through every failure, and only one loop writes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.memory.projection_store import MemoryProjectionStore
from app import projection_loop, redriver
from app.projected_position import ProjectedPosition
from app.projection_loop import ProjectionLoop
from app.redriver import Redriver
from domain.errors import StoreUnavailable
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from projections.changes import Change
from projections.ports import CheckpointMoved, RowsRejected, TablesRefused
from projections.redrive import redrive
from projections.registry import PROJECTIONS, Projection
from projections.runner import Runner
from tests.support.decider import CONVERSATION_ID, TENANT_ID
from tests.support.moments import ANSWERED
from tests.support.projecting import GivenLog
from tests.support.recording import OTHER_CONVERSATION_ID, history

WAIT_S = 5.0


class Projecting:
    """A loop over a log and tables of this test."""

    def __init__(self, log: GivenLog, store: MemoryProjectionStore, max_page_events: int = 2) -> None:
        self.projected = ProjectedPosition()
        self.loop = ProjectionLoop(Runner(log, max_page_events=max_page_events), store, self.projected, Redriver(log))

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Projecting"]:
        """Until the block ends."""
        async with running(self.loop):
            yield self


@asynccontextmanager
async def running(loop: ProjectionLoop) -> AsyncIterator[None]:
    """Until the block ends."""
    async with anyio.create_task_group() as group:
        group.start_soon(loop.run)
        yield
        group.cancel_scope.cancel()


def in_other_conversation(events: list[RecordedEvent], after: int) -> list[RecordedEvent]:
    """The same events in another conversation, further on in the log."""
    return [replace(event, conversation_id=OTHER_CONVERSATION_ID, position=event.position + after) for event in events]


def failing_on(poison: RecordedEvent) -> Projection:
    """A projection that is broken for one event."""

    def project(recorded: RecordedEvent) -> list[Change]:
        return [] if recorded != poison else [1 // 0]  # type: ignore[list-item] # it never gets there

    return project


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


async def test_an_event_that_cannot_become_rows_parks_its_conversation_and_is_told(
    store: MemoryProjectionStore,
) -> None:
    # given a log in which somebody's event makes a projection fail
    poisoned, other = history(ANSWERED), in_other_conversation(history(ANSWERED), after=4)
    log = GivenLog([*poisoned, *other])
    runner = Runner(log, [*PROJECTIONS, failing_on(poisoned[2])])
    loop = ProjectionLoop(runner, store, projected := ProjectedPosition(), Redriver(log))

    with capture_logs() as told:
        async with running(loop):
            assert await projected.wait(8, WAIT_S)
            assert loop.status().quarantined_conversations == 1
            assert loop.status().failures == 0

    # then all others are projected, it as far as it goes, and there is one alarm without content
    assert store.sessions[CONVERSATION_ID].version == 2
    assert store.sessions[OTHER_CONVERSATION_ID].version == 4
    (alarm,) = [line for line in told if line["log_level"] == "error"]
    assert alarm == {
        "event": "conversation_quarantined",
        "log_level": "error",
        "conversation": CONVERSATION_ID,
        "tenant": TENANT_ID,
        "version": 3,
        "position": 3,
        "reason": "not_projectable",
        "error": "ZeroDivisionError",
    }


async def test_the_next_process_that_leads_re_drives_what_is_parked_once(store: MemoryProjectionStore) -> None:
    # given conversations that an older process parked: one that is healed by newer code, one that nobody can read yet
    fixed, other = history(ANSWERED), in_other_conversation(history(ANSWERED), after=4)
    log = GivenLog([*fixed, *other], unknown=[3, 7])
    async with Projecting(log, store).running() as older:
        assert await older.projected.wait(8, WAIT_S)
    assert set(store.dead_letters) == {CONVERSATION_ID, OTHER_CONVERSATION_ID}
    assert {letter.attempts for letter in store.dead_letters.values()} == {0}
    # when a process of a newer release takes the lead
    log.unknown = {7}
    newer = Projecting(log, store)
    async with newer.running():
        await until(lambda: newer.loop.status().quarantined_conversations == 1)
        await until(lambda: store.dead_letters[OTHER_CONVERSATION_ID].attempts == 1)
        await anyio.wait_all_tasks_blocked()
    # then what it can read is whole, and what it cannot was tried once
    assert store.sessions[CONVERSATION_ID].version == 4
    assert len([key for key in store.messages if key[0] == CONVERSATION_ID]) == 2
    assert store.sessions[OTHER_CONVERSATION_ID].version == 2
    assert store.dead_letters[OTHER_CONVERSATION_ID].attempts == 1


async def test_one_that_the_database_breaks_off_for_does_not_keep_the_pages_waiting(
    store: MemoryProjectionStore,
) -> None:
    # given a conversation that is parked, and whose history is more than can be read
    events = history(ANSWERED)
    log = GivenLog(events[:3], unknown=[3])
    async with Projecting(log, store).running() as older:
        assert await older.projected.wait(3, WAIT_S)
    streams = Endless()
    newer = ProjectionLoop(Runner(log), store, projected := ProjectedPosition(), Redriver(streams))
    # when a process takes the lead
    async with running(newer):
        await until(lambda: streams.reads == redriver.MAX_TRIES)
        log.events += in_other_conversation(events, after=4)
        newer.wake(log.events)
        # then it gives that up at some time, and goes on with all others
        assert await projected.wait(8, WAIT_S)
        await until(lambda: newer.status().failures == 0)
    assert streams.reads == redriver.MAX_TRIES
    assert store.sessions[OTHER_CONVERSATION_ID].version == 4
    assert set(store.dead_letters) == {CONVERSATION_ID}


class Endless:
    """Implements `Streams`: reading takes longer than the database allows."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> Sequence[RecordedEvent]:
        """See `EventStore.read`."""
        self.reads += 1
        raise StoreUnavailable


async def test_many_are_re_driven_between_the_pages_and_not_before_them(
    store: MemoryProjectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redriver, "TRIED_AT_A_TIME", 1)
    fixed, other = history(ANSWERED), in_other_conversation(history(ANSWERED), after=4)
    log = GivenLog([*fixed, *other], unknown=[3, 7])
    async with Projecting(log, store).running() as older:
        assert await older.projected.wait(8, WAIT_S)
    log.unknown.clear()
    newer = Projecting(log, store)
    async with newer.running():
        await until(lambda: newer.loop.status().is_leading and not store.dead_letters)
    assert [store.sessions[one].version for one in (CONVERSATION_ID, OTHER_CONVERSATION_ID)] == [4, 4]


async def test_a_conversation_that_is_re_driven_by_hand_goes_on_under_the_same_leader(
    store: MemoryProjectionStore,
) -> None:
    # given a leader that has parked a conversation
    events = history(ANSWERED)
    log = GivenLog(events[:3], unknown=[3])
    projecting = Projecting(log, store)
    async with projecting.running():
        await until(lambda: projecting.loop.status().quarantined_conversations == 1)
        # when somebody else re-drives it, and it goes on
        log.unknown.clear()
        async with store.session() as by_hand:
            assert await redrive(by_hand, log, store.dead_letters[CONVERSATION_ID].poison) is None
        log.events.append(events[3])
        projecting.loop.wake([events[3]])
        # then the leader, which knew it as parked, projects it
        assert await projecting.projected.wait(4, WAIT_S)
        assert projecting.loop.status().quarantined_conversations == 0
        assert projecting.loop.status().is_leading
    assert store.sessions[CONVERSATION_ID].version == 4


async def test_tables_that_cannot_be_written_at_all_park_nobody_and_are_waited_for(
    store: MemoryProjectionStore,
) -> None:
    log = GivenLog(history(ANSWERED))
    log.failures = [TablesRefused("SQLSTATE 42501"), RowsRejected("SQLSTATE 23505")]
    projecting = Projecting(log, store)
    async with projecting.running():
        await until(lambda: projecting.loop.status().failures > 0)
        assert await projecting.projected.wait(4, WAIT_S)
    assert store.dead_letters == {}


async def test_unknown_events_are_counted_and_park_their_conversation(store: MemoryProjectionStore) -> None:
    log = GivenLog(history(ANSWERED), unknown=[2, 4])
    projecting = Projecting(log, store)
    async with projecting.running():
        assert await projecting.projected.wait(4, WAIT_S)
        assert projecting.loop.status().unknown_events == 2
        assert projecting.loop.status().quarantined_conversations == 1
    assert store.checkpoint.unknown_events == 2
    assert store.sessions[CONVERSATION_ID].version == 1


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
