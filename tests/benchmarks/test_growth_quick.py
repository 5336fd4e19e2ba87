"""A quick run of the growth end to end: who ran, what is judged and told; never a time."""

from typing import Any

import pytest

from benchmarks.growing import plan
from tests.benchmarks.quick import quick_rows

CASES = (
    "append_empty.1",
    "append_filled.1",
    "append_empty.64",
    "append_filled.64",
    "load_short.1",
    "load_long.1",
    "load_long_replayed.1",
    "live.64",
    "live.200",
    "list.1",
    "search.1",
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return quick_rows("growth", "--events", "4000", "--seconds", "0.1")


@pytest.fixture(scope="module")
def values(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["name"]: row["value"] for row in rows if row["against"] is None}


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_a_rate_and_rising_percentiles(values: dict[str, Any], case: str) -> None:
    assert isinstance(values[case], float), values[case]
    assert values[case] > 0
    assert 0 < values[f"{case}.p50"] <= values[f"{case}.p99"] <= values[f"{case}.p999"]


def test_the_goals_are_judged(rows: list[dict[str, Any]]) -> None:
    judged = {(row["name"], row["against"]): row for row in rows if row["goal"]}

    assert set(judged) == {
        ("append_filled.1.p50", "append_empty.1.p50"),
        ("append_filled.64.p50", "append_empty.64.p50"),
        ("load_long.1.p50", "load_short.1.p50"),
        ("live.200.p50", "live.64.p50"),
    }
    assert all(isinstance(row["met"], bool) and row["ratio"] > 0 for row in judged.values())


def test_memory_and_sizes_are_told(values: dict[str, Any]) -> None:
    assert values["live.200.process_bytes"] > 0
    assert values["size.stored_events"] > 100
    assert values["size.conversation_messages_search_idx"] > 0
    parts = [value for name, value in values.items() if name.startswith("size.") and name != "size.all"]
    assert values["size.all"] == pytest.approx(sum(parts), rel=0.01)


def test_every_comparison_is_of_cases_that_exist() -> None:
    cases = {case.name for case in plan.growth_cases(plan.FULL, [], [], ())}

    assert {name for each in plan.growth_comparisons(plan.FULL) for name in (each.name, each.against)} <= cases


def test_every_name_can_be_asked_for_alone() -> None:
    for name in plan.NAMES:
        assert {case.subject.name for case in plan.growth_cases(plan.QUICK, [], [], (name,))} == {name}
    assert set(plan.NAMES) >= plan.FILLED
