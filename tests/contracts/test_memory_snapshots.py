"""The cases of snapshots over plain dictionaries."""

import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.snapshots import MemorySnapshots
from tests.contracts.snapshot_cases import SnapshotCases
from tests.support.recording import TickingClock


class TestMemorySnapshots(SnapshotCases):
    """As other tests use them."""

    @pytest.fixture
    def store(self) -> MemoryEventStore:
        return MemoryEventStore(TickingClock())

    @pytest.fixture
    def snapshots(self, store: MemoryEventStore) -> MemorySnapshots:
        return MemorySnapshots(store)
