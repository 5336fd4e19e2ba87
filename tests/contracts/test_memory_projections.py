"""The cases of the projection store and the read models over their twins in memory."""

import pytest

from adapters.memory.projection_store import MemoryProjectionStore
from adapters.memory.read_models import MemoryReadModels
from tests.contracts.projection_store_cases import ProjectionStoreCases
from tests.contracts.quarantine_cases import QuarantineCases
from tests.contracts.read_model_cases import ReadModelCases
from tests.support.projecting import nobody_projects


@pytest.fixture
def store() -> MemoryProjectionStore:
    return MemoryProjectionStore()


@pytest.fixture
def models(store: MemoryProjectionStore) -> MemoryReadModels:
    return MemoryReadModels(store, nobody_projects())


class TestMemoryProjectionStore(ProjectionStoreCases):
    """As Postgres, without one."""


class TestMemoryQuarantine(QuarantineCases):
    """As Postgres, without one."""


class TestMemoryReadModels(ReadModelCases):
    """As Postgres, without one."""
