"""Ratios, goals and the shape of the rows, from made-up measurements."""

import json
from array import array
from dataclasses import replace

import pytest

from benchmarks.comparison import Bound, Comparison, Figure, Goal, ratio_of
from benchmarks.measurement import Measurement
from benchmarks.report import Report
from benchmarks.rounds import Results
from benchmarks.rows import Row
from benchmarks.subject import Case, Subject
from benchmarks.table import print_table

KEYS = ["name", "value", "unit", "against", "ratio", "goal", "met"]
FASTER = Comparison(name="ours.2", against="theirs.1", figure=Figure.RATE, goal=Goal(1.5, at_least=True))
PROMPT = Comparison(name="ours.2", against="theirs.1", figure=Figure.MEDIAN_LATENCY, goal=Goal(3, at_least=False))


def case(name: str, callers: int, missing: str | None = None) -> Case:
    async def prepare(dsn: str) -> None: ...

    async def measure(dsn: str, callers: int, seconds: float) -> Measurement:
        raise AssertionError

    return Case(Subject(name=name, callers_are="callers", prepare=prepare, measure=measure, missing=missing), callers)


def measured(rate: int, latency_ms: int) -> Measurement:
    return Measurement(operations=rate, seconds=1, latencies_ns=array("Q", [latency_ms * 1_000_000]))


def report(
    results: Results, *cases: Case, comparisons: tuple[Comparison, ...] = (), bounds: tuple[Bound, ...] = ()
) -> Report:
    return Report(
        environment=[Row(name="environment.cores", value=2)],
        cases=cases,
        comparisons=comparisons,
        bounds=bounds,
        results=results,
        notes=[Row(name="note.any", value="A sentence.")],
    )


def test_a_ratio_is_the_median_over_the_rounds() -> None:
    rounds = {
        "ours.2": [measured(20, 1), measured(60, 1), measured(100, 1)],
        "theirs.1": [measured(10, 1), measured(10, 1), measured(100, 1)],
    }

    ratio = ratio_of(FASTER, rounds)

    assert ratio is not None
    assert (ratio.median, ratio.lowest, ratio.highest) == (2, 1, 6)


def test_no_ratio_without_both_sides() -> None:
    assert ratio_of(FASTER, {"ours.2": [measured(20, 1)]}) is None


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [
        (Goal(1.5, at_least=True), 1.5, True),
        (Goal(1.5, at_least=True), 1.49, False),
        (Goal(3, at_least=False), 3.0, True),
        (Goal(3, at_least=False), 3.01, False),
    ],
)
def test_a_goal_is_met_at_its_bound(goal: Goal, ratio: float, met: bool) -> None:
    assert goal.met_by(ratio) is met


def test_every_row_has_exactly_the_seven_keys() -> None:
    results = Results(rounds={"ours.2": [measured(20, 6)], "theirs.1": [measured(10, 1)]}, broken={"bad.1": "Oops: no"})
    cases = (case("ours", 2), case("theirs", 1), case("bad", 1), case("absent", 4, missing="node not found"))

    rows = [json.loads(row.json_line()) for row in report(results, *cases, comparisons=(FASTER, PROMPT)).rows()]

    assert all(list(row) == KEYS for row in rows)
    by_name = {row["name"]: row["value"] for row in rows}
    assert by_name["absent.4"] == "missing: node not found"
    assert by_name["bad.1"] == "broke: Oops: no"


def test_a_comparison_names_both_sides_the_ratio_and_the_goal() -> None:
    results = Results(rounds={"ours.2": [measured(20, 6)], "theirs.1": [measured(10, 1)]})

    rows = list(report(results, case("ours", 2), comparisons=(FASTER, PROMPT)).rows())

    compared = [row for row in rows if row.goal]
    assert compared == [
        Row(name="ours.2", value=20, unit="appends/s", against="theirs.1", ratio=2, goal=">= 1.5 x", met=True),
        Row(name="ours.2.p50", value=6, unit="ms", against="theirs.1.p50", ratio=6, goal="<= 3 x", met=False),
    ]


def test_a_goal_whose_other_side_is_missing_is_neither_met_nor_missed() -> None:
    rows = list(report(Results(rounds={"ours.2": [measured(20, 6)]}), case("ours", 2), comparisons=(FASTER,)).rows())

    assert [(row.ratio, row.met) for row in rows if row.goal] == [(None, None)]


def test_nothing_is_compared_that_was_not_asked_for() -> None:
    results = Results(rounds={"theirs.1": [measured(10, 1)]})

    assert not [row for row in report(results, case("theirs", 1), comparisons=(FASTER,)).rows() if row.against]


@pytest.mark.parametrize(("latency_ms", "met"), [(19, True), (20, False)])
def test_a_bound_is_judged_without_a_peer(latency_ms: int, met: bool) -> None:
    bound = Bound(name="ours.2", figure=Figure.SLOW_LATENCY, below=20)

    rows = list(report(Results(rounds={"ours.2": [measured(20, latency_ms)]}), case("ours", 2), bounds=(bound,)).rows())

    assert [row for row in rows if row.goal] == [
        Row(name="ours.2.p99", value=latency_ms, unit="ms", goal="< 20", met=met)
    ]


def test_a_case_may_be_about_memory() -> None:
    subject = replace(case("ours", 2).subject, headline=Figure.SOCKET_MEMORY, unit="bytes a socket")
    idle = Measurement(operations=2, seconds=1, latencies_ns=array("Q"), socket_bytes=2_048)

    rows = list(report(Results(rounds={"ours.2": [idle]}), Case(subject, 2)).rows())

    assert Row(name="ours.2", value=2_048, unit="bytes a socket") in rows
    assert not [row for row in rows if row.name.startswith("ours.2.")]


def test_facts_come_before_the_notes_and_tell_whether_they_are_met(capsys: pytest.CaptureFixture[str]) -> None:
    told = replace(report(Results()), facts=[Row(name="reads.failed", value=3, unit="reads", goal="0", met=False)])

    print_table(told)

    assert [row.name for row in told.rows()] == ["environment.cores", "reads.failed", "note.any"]
    line = next(line for line in capsys.readouterr().out.splitlines() if "reads.failed" in line)
    assert line.split()[1::2] == ["reads.failed", "3", "reads", "0", "NO"]


def test_the_parts_and_the_memory_of_a_case_are_rows() -> None:
    measurement = replace(measured(20, 6), parts={"copy": 1.5, "swap": 0.25}, process_bytes=2_048)

    rows = list(report(Results(rounds={"ours.2": [measurement]}), case("ours", 2)).rows())

    assert Row(name="ours.2.copy", value=1.5, unit="s") in rows
    assert Row(name="ours.2.process_bytes", value=2_048, unit="bytes") in rows
