"""When snapshots are made, which of them stay, and that nothing depends on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.snapshots import MemorySnapshots
from app import snapshot_keeper
from app.aggregates import AggregateCache
from app.histories import Histories
from app.principal import Principal
from app.snapshot_keeper import SnapshotKeeper
from app.use_cases.get_conversation import GetConversation
from app.use_cases.run_command import RunCommand, command_request
from domain.conversation.commands import RecordMessage
from domain.conversation.events import Event
from domain.conversation.evolution import fold
from domain.envelope import Actor
from domain.errors import StoreUnavailable
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from projections.snapshots import Snapshot
from tests.support.appends import message
from tests.support.decider import CONVERSATION_ID, TENANT_ID, numbered_uuid
from tests.support.histories import unborn
from tests.support.moments import started
from tests.support.recording import TickingClock, append
from tests.support.waiting import until

EVERY = 10
CALLER = Principal(tenant_id=TENANT_ID, actor=Actor())


class CountingStore(MemoryEventStore):
    """Knows how many events were read from it."""

    def __init__(self) -> None:
        super().__init__(TickingClock())
        self.events_read = 0

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        """See `EventStore.read`."""
        found = await super().read(tenant_id, conversation_id, after, until)
        self.events_read += len(found)
        return found


class House:
    """A store, what is kept of it, and two processes that share both."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.snapshots: MemorySnapshots = MemorySnapshots(self.store)
        self.keeper = SnapshotKeeper(self.store, self.snapshots, EVERY)
        self.histories = Histories(self.store, self.snapshots, self.keeper.grown)
        self._version = 0

    def aggregates(self) -> AggregateCache:
        """An empty cache, as after a restart."""
        return AggregateCache(max_count=10, max_bytes=10**6)

    def reader(self) -> GetConversation:
        """Of a process that has read nothing yet."""
        return GetConversation(self.store, self.histories, self.aggregates())

    def writer(self) -> RunCommand:
        """Of a process that has read nothing yet."""
        return RunCommand(self.store, self.histories, self.aggregates(), TickingClock(), Numbers())

    async def given(self, version: int) -> None:
        """The conversation has come to this version, by other processes, which keep nothing."""
        events: list[Event] = [*(started() if self._version == 0 else ()), *(message() for _ in range(version))]
        for event in events[: version - self._version]:
            await self.store.append(append(event, after=self._version, command=0x5000 + self._version))
            self._version += 1

    async def kept_versions(self) -> list[int]:
        """Of all snapshots there are."""
        versions: list[int] = []
        nearest = await self.snapshots.nearest(TENANT_ID, CONVERSATION_ID)
        while nearest is not None:
            versions.insert(0, nearest.version)
            nearest = await self.snapshots.nearest(TENANT_ID, CONVERSATION_ID, until=nearest.version - 1)
        return versions


class Numbers:
    """Implements `IdSource`."""

    def __init__(self) -> None:
        self._next = 0xF0000

    def new_id(self) -> str:
        self._next += 1
        return numbered_uuid(self._next)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(snapshot_keeper, "KEPT_BACK_EVENTS", 3 * EVERY)
    return House()


@asynccontextmanager
async def keeping(house: House) -> AsyncIterator[None]:
    """The keeper at work."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.keeper.run)
        yield
        tasks.cancel_scope.cancel()


async def kept(house: House, versions: list[int]) -> None:
    """Wait until there are just these."""
    with anyio.fail_after(5):
        while await house.kept_versions() != versions:  # noqa: ASYNC110 - nothing tells it
            await anyio.sleep(0.001)


async def test_who_reads_a_long_conversation_leaves_snapshots_behind(house: House) -> None:
    await house.given(version=57)

    async with keeping(house):
        await house.reader()(CALLER, CONVERSATION_ID)
        await kept(house, [20, 30, 40, 50])

    for version in (20, 30, 40, 50):
        snapshot = await house.snapshots.nearest(TENANT_ID, CONVERSATION_ID, until=version)
        history = await house.store.read(TENANT_ID, CONVERSATION_ID, until=version)
        assert snapshot is not None
        assert snapshot.conversation == fold(unborn(CONVERSATION_ID), history)


async def test_a_short_conversation_leaves_none(house: House) -> None:
    await house.given(version=EVERY - 1)

    async with keeping(house):
        await house.reader()(CALLER, CONVERSATION_ID)
        await anyio.wait_all_tasks_blocked()

    assert await house.kept_versions() == []


async def test_who_writes_past_a_multiple_leaves_one_behind(house: House) -> None:
    await house.given(version=EVERY - 1)
    writer = house.writer()

    async with keeping(house):
        for number in range(2):
            await writer(command_request(CALLER, CONVERSATION_ID, RecordMessage(role="user", content=f"{number}")))
        await kept(house, [EVERY])


async def test_the_next_reader_reads_a_few_events_only(house: House) -> None:
    await house.given(version=95)
    async with keeping(house):
        first = await house.reader()(CALLER, CONVERSATION_ID)
        await kept(house, [60, 70, 80, 90])
    house.store.events_read = 0

    second = await house.reader()(CALLER, CONVERSATION_ID)

    assert second == first
    assert house.store.events_read == 5


async def test_of_the_older_ones_those_at_milestones_stay(house: House) -> None:
    async with keeping(house):
        for version in (95, 135, 225):
            await house.given(version)
            await house.reader()(CALLER, CONVERSATION_ID)
            newest = version - version % EVERY
            milestones = list(range(snapshot_keeper.MILESTONE * EVERY, newest - 30, snapshot_keeper.MILESTONE * EVERY))
            await kept(house, [*milestones, *range(newest - 30, newest + 1, EVERY)])


async def test_what_is_there_is_not_made_again(house: House) -> None:
    await house.given(version=25)
    async with keeping(house):
        await house.reader()(CALLER, CONVERSATION_ID)
        await kept(house, [10, 20])
        house.store.events_read = 0
        house.keeper.grown(TENANT_ID, CONVERSATION_ID, 0, 25)
        await anyio.wait_all_tasks_blocked()

    assert house.store.events_read == 0


async def test_more_than_can_wait_are_lost_and_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_keeper, "MAX_WAITING", 2)

    for number in range(3):
        house.keeper.grown(TENANT_ID, ConversationId(numbered_uuid(number)), 0, EVERY)
        house.keeper.grown(TENANT_ID, ConversationId(numbered_uuid(number)), 0, EVERY)

    assert house.keeper.lost == 2  # of the third conversation, twice


class Unavailable(MemorySnapshots):
    """Once."""

    is_away = True

    async def save(self, snapshot: Snapshot) -> None:
        if self.is_away:
            self.is_away = False
            raise StoreUnavailable
        await super().save(snapshot)


async def test_one_that_fails_is_lost_and_the_next_is_made(house: House) -> None:
    house.snapshots = Unavailable(house.store)
    house.keeper = SnapshotKeeper(house.store, house.snapshots, EVERY)
    await house.given(version=30)

    async with keeping(house):
        house.keeper.grown(TENANT_ID, CONVERSATION_ID, 0, 30)
        await until(lambda: house.keeper.lost == 1)
        assert await house.kept_versions() == []
        house.keeper.grown(TENANT_ID, CONVERSATION_ID, 0, 30)
        await kept(house, [10, 20, 30])


async def test_another_tenant_is_not_read_from_them(house: House) -> None:
    await house.given(version=20)
    async with keeping(house):
        await house.reader()(CALLER, CONVERSATION_ID)
        await kept(house, [10, 20])

    stranger = await house.histories.load(TenantId(numbered_uuid(0xBAD)), CONVERSATION_ID)

    assert stranger.head == 0
