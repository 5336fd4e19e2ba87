"""A quick run end to end, in processes of its own: the shape of its output, never its speed."""

from typing import Any, Final

import pytest

from tests.benchmarks.quick import quick_rows

SERVERS: Final = ("uvicorn", "turnlog", "socketio", "python_socketio")
FANOUTS: Final = ("fanout.20", "fanout.200", "single_fanout.20", "single_fanout.200")
LOADS: Final = ("command.8", "open_loop.8", *FANOUTS, "idle.100", "connections.10")
CASES: Final = (
    *(f"{server}.{load}" for server in SERVERS for load in LOADS),
    "turnlog.durable_fanout.20",
    "turnlog.durable_fanout.200",
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return quick_rows("realtime")


@pytest.fixture(scope="module")
def values(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["name"]: row["value"] for row in rows if row["against"] is None}


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_a_figure_or_says_why_its_peer_is_missing(values: dict[str, Any], case: str) -> None:
    value = values[case]
    if isinstance(value, str):
        assert value.startswith("missing: ")
        assert "socketio" in case
    else:
        # An idle socket of a hundred may fit into memory that the server had already.
        assert value >= 0 if ".idle." in case else value > 0


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("turnlog.") and ".idle." not in case])
def test_latencies_rise_with_their_percentile(values: dict[str, Any], case: str) -> None:
    assert 0 < values[f"{case}.p50"] <= values[f"{case}.p99"] <= values[f"{case}.p999"]


def test_the_goals_against_bare_uvicorn_are_judged(rows: list[dict[str, Any]]) -> None:
    judged = {(row["name"], row["against"]): row for row in rows if row["goal"]}

    assert set(judged) == {
        ("turnlog.command.8", "uvicorn.command.8"),
        *((f"turnlog.{fanout}", f"socketio.{fanout}") for fanout in FANOUTS),
        ("turnlog.idle.100", "uvicorn.idle.100"),
        ("turnlog.open_loop.8.p99", None),
    }
    for name, against in (("turnlog.command.8", "uvicorn.command.8"), ("turnlog.open_loop.8.p99", None)):
        assert isinstance(judged[name, against]["met"], bool)


def test_the_environment_and_the_rules_of_the_comparison_are_told(values: dict[str, Any]) -> None:
    assert values["environment.fsync"] == "on"
    assert values["environment.uvicorn"][0].isdigit()
    assert values["environment.broadcast"] > 150
    assert "limit" in values["note.limits"]
