"""The cases of the search over its twin in memory."""

import pytest

from adapters.memory.message_search import MemoryMessageSearch
from adapters.memory.projection_store import MemoryProjectionStore
from tests.contracts.message_search_cases import MessageSearchCases


@pytest.fixture
def store() -> MemoryProjectionStore:
    return MemoryProjectionStore()


@pytest.fixture
def search(store: MemoryProjectionStore) -> MemoryMessageSearch:
    return MemoryMessageSearch(store)


class TestMemoryMessageSearch(MessageSearchCases):
    """As Postgres, word by word."""
