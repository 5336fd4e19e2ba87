"""The cases of the statistics over their twin in memory."""

from collections.abc import Sequence

import pytest

from adapters.memory.projection_store import MemoryProjectionStore
from adapters.memory.statistics import MemoryStatistics
from domain.ports import RecordedEvent
from tests.contracts.statistics_cases import MAX_EVENTS, Given, StatisticsCases
from tests.support.projecting import rows_of


@pytest.fixture
def log() -> list[RecordedEvent]:
    return []


@pytest.fixture
def tables() -> MemoryProjectionStore:
    return MemoryProjectionStore()


@pytest.fixture
def statistics(tables: MemoryProjectionStore, log: list[RecordedEvent]) -> MemoryStatistics:
    return MemoryStatistics(tables, log, max_events=MAX_EVENTS)


@pytest.fixture
def given(tables: MemoryProjectionStore, log: list[RecordedEvent]) -> Given:
    async def given(events: Sequence[RecordedEvent]) -> None:
        log.extend(events)
        tables.write(rows_of(events))

    return given


class TestMemoryStatistics(StatisticsCases):
    """As Postgres, without one."""
