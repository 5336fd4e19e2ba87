"""A quick run of the rebuilds end to end: who ran, that all made the same rows, and what is judged; never a time."""

from typing import Any

import pytest

from tests.benchmarks.quick import quick_rows

CASES = ("turnlog.4000", "plain_sql.4000", "catch_up.2000", "library.2000")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return quick_rows("rebuild", "--events", "4000")


@pytest.fixture(scope="module")
def values(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["name"]: row["value"] for row in rows if row["against"] is None}


@pytest.mark.parametrize("case", CASES)
def test_everybody_makes_the_rows_that_turnlog_has(values: dict[str, Any], case: str) -> None:
    # A row that differs would have broken the case.
    assert isinstance(values[case], float), values[case]
    assert values[case] > 0


def test_the_parts_of_a_rebuild_are_told(values: dict[str, Any]) -> None:
    parts = ("begin", "copy", "index", "catch_up", "compare", "swap")
    assert all(values[f"turnlog.4000.{part}"] >= 0 for part in parts)
    assert all(values[f"plain_sql.4000.{part}"] >= 0 for part in ("sessions", "messages", "index"))


def test_the_goals_are_judged(rows: list[dict[str, Any]]) -> None:
    judged = {(row["name"], row["against"]): row for row in rows if row["goal"]}

    assert set(judged) == {("turnlog.4000", "plain_sql.4000"), ("turnlog.4000", "library.2000")}
    assert all(isinstance(row["met"], bool) and row["ratio"] > 0 for row in judged.values())


def test_the_rules_of_the_comparison_are_told(values: dict[str, Any]) -> None:
    assert values["environment.fsync"] == "on"
    assert values["environment.events"] == 4_000
    assert "row by row" in values["note.same_rows"]
