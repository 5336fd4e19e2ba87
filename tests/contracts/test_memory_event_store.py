"""The event store's cases over its twin in memory."""

import pytest

from adapters.memory.event_store import MemoryEventStore
from domain.ports import RecordedEvent
from tests.contracts.event_store_cases import START, EventStoreCases
from tests.support.recording import TickingClock, append


class TestMemoryEventStore(EventStoreCases):
    """As Postgres, without one."""

    @pytest.fixture
    def store(self) -> MemoryEventStore:
        return MemoryEventStore(TickingClock())

    async def test_listeners_hear_of_what_is_stored(self) -> None:
        heard: list[RecordedEvent] = []
        store = MemoryEventStore(TickingClock(), [heard.extend])

        stored = await store.append(append(START))

        assert tuple(heard) == stored
