"""The shared cases tell as much about a failure as a test file does."""

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.event_store_cases",
    "tests.contracts.message_search_cases",
    "tests.contracts.projection_store_cases",
    "tests.contracts.quarantine_cases",
    "tests.contracts.snapshot_cases",
    "tests.contracts.statistics_cases",
)
