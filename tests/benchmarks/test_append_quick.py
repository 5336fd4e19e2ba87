"""A quick run end to end, in a process of its own: the shape of its output, never its speed."""

from typing import Any

import pytest

from tests.benchmarks.quick import quick_rows, run_quick

# Without the two that npm would have to download.
SUBJECTS = ("pgbench", "turnlog", "service", "appender", "recorder", "option_a", "option_b")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    only = [argument for name in SUBJECTS for argument in ("--only", name)]
    return quick_rows("append", *only)


def test_the_environment_comes_first_and_is_durable(rows: list[dict[str, Any]]) -> None:
    environment = {row["name"]: row["value"] for row in rows if row["name"].startswith("environment.")}

    assert rows[0]["name"] == "environment.postgres"
    assert [environment[f"environment.{name}"] for name in ("fsync", "synchronous_commit", "full_page_writes")] == [
        "on",
        "on",
        "on",
    ]
    assert environment["environment.flush"] > 0


def test_every_case_has_a_rate_and_rising_percentiles(rows: list[dict[str, Any]]) -> None:
    values = {row["name"]: row["value"] for row in rows if row["against"] is None}
    for case in (
        "pgbench.1",
        "pgbench.64",
        "turnlog.1",
        "turnlog.256",
        "service.256",
        "appender.64",
        "recorder.16",
        "option_a.256",
    ):
        assert values[case] > 0
        assert 0 < values[f"{case}.p50"] <= values[f"{case}.p99"] <= values[f"{case}.p999"]


def test_the_goals_are_judged(rows: list[dict[str, Any]]) -> None:
    judged = {(row["name"], row["against"]): row for row in rows if row["goal"]}

    assert set(judged) == {
        ("turnlog.256", "pgbench.64"),
        ("turnlog.256", "recorder.16"),
        ("turnlog.256", "recorder.1"),
        ("turnlog.1.p50", "pgbench.1.p50"),
    }
    assert all(isinstance(row["met"], bool) and row["ratio"] > 0 for row in judged.values())


def test_the_price_of_option_b_is_said() -> None:
    output = run_quick("append", "--only", "option_b")

    assert "a crash loses the queue" in output
