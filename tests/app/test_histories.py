"""The past is the same past, from whichever snapshot it is read and however the clocks jumped."""

import asyncio
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.snapshots import MemorySnapshots
from app.aggregates import AggregateCache
from app.histories import Histories
from app.principal import Principal
from app.use_cases.get_conversation import GetConversation, VersionNotFound
from domain.conversation.conversation import Conversation
from domain.envelope import Actor
from domain.ports import RecordedEvent
from projections.snapshots import Snapshots, advanced, beginning
from tests.support.decider import NOON, TENANT_ID
from tests.support.histories import happenings
from tests.support.recording import TickingClock, append, origin, recorded_log

CALLER = Principal(tenant_id=TENANT_ID, actor=Actor())

logs = happenings(max_conversations=1).map(recorded_log)
times = st.integers(-4_000, 4_000).map(lambda seconds: NOON + timedelta(seconds=seconds))


async def stored(log: list[RecordedEvent]) -> MemoryEventStore:
    """A store with this history, each event at its time."""
    store = MemoryEventStore(TickingClock())
    for recorded in log:
        one = append(recorded.event, after=recorded.version - 1, conversation_id=recorded.conversation_id)
        at = recorded.origin.occurred_at
        await store.append(replace(one, origin=origin(command=0x9000 + recorded.version, at=at)))
    return store


def reader(store: MemoryEventStore, snapshots: Snapshots | None = None) -> GetConversation:
    """Who has read nothing yet."""
    return GetConversation(store, Histories(store, snapshots), AggregateCache(10, 10**6))


async def at_time(get: GetConversation, log: list[RecordedEvent], time: datetime) -> Conversation | str:
    """The conversation as it was, or that there was none."""
    try:
        return await get.at_time(CALLER, log[0].conversation_id, time)
    except VersionNotFound as error:
        return str(error)


@given(log=logs, time=times, data=st.data())
def test_what_was_at_a_time_does_not_depend_on_snapshots(
    log: list[RecordedEvent], time: datetime, data: st.DataObject
) -> None:
    versions = data.draw(st.sets(st.integers(1, len(log)), max_size=4))

    async def compare() -> None:
        store = await stored(log)
        snapshots = MemorySnapshots(store)
        history = await store.read(TENANT_ID, log[0].conversation_id)
        for version in versions:
            await snapshots.save(advanced(beginning(TENANT_ID, log[0].conversation_id), history[:version]))

        assert await at_time(reader(store, snapshots), log, time) == await at_time(reader(store), log, time)
        for version in range(1, len(log) + 1):
            place = (CALLER, log[0].conversation_id, version)
            assert await reader(store, snapshots).at_version(*place) == await reader(store).at_version(*place)

    asyncio.run(compare())


@given(log=logs, data=st.data())
def test_from_any_version_one_comes_to_any_other(log: list[RecordedEvent], data: st.DataObject) -> None:
    known, wanted, kept = (data.draw(st.integers(0, len(log))) for _ in range(3))
    conversation_id = log[0].conversation_id

    async def compare() -> None:
        store = await stored(log)
        snapshots = MemorySnapshots(store)
        history = await store.read(TENANT_ID, conversation_id)
        if kept:
            await snapshots.save(advanced(beginning(TENANT_ID, conversation_id), history[:kept]))
        histories = Histories(store, snapshots)

        def at(version: int) -> Conversation:
            return advanced(beginning(TENANT_ID, conversation_id), history[:version]).conversation

        assert await histories.at(at(known), wanted) == at(wanted)
        newest, position = await histories.newest(at(known), history[known - 1].position if known else 0)
        assert (newest, position) == (at(len(log)), history[-1].position)

    asyncio.run(compare())
