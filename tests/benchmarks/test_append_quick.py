"""A quick run end to end, in a process of its own: the shape of its output, never its speed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 180
KEYS = ["name", "value", "unit", "against", "ratio", "goal", "met"]
# Without the two that npm would have to download.
SUBJECTS = ("pgbench", "turnlog", "service", "appender", "recorder", "option_a", "option_b")


def run_quick(*arguments: str) -> str:
    command = [sys.executable, "-c", "from app.console.bench import bench; bench()", "append", "--quick", *arguments]
    # On a server of its own: only that one's settings are known.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    only = [argument for name in SUBJECTS for argument in ("--only", name)]
    return [json.loads(line) for line in run_quick("--json", *only).splitlines()]


def test_every_line_is_an_object_with_the_seven_keys(rows: list[dict[str, Any]]) -> None:
    assert rows
    assert all(list(row) == KEYS for row in rows)


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
    output = run_quick("--only", "option_b")

    assert "a crash loses the queue" in output
