"""What the benchmark of the sockets measures, and what it says where it cannot."""

import asyncio
import resource

import pytest

from benchmarks.sockets import plan
from benchmarks.sockets.servers import bare_uvicorn, node_socketio, python_socketio, running, turnlog
from benchmarks.subject import BenchmarkError
from benchmarks.tools import Missing

SERVERS = [bare_uvicorn(), turnlog(), node_socketio(Missing("no npm")), python_socketio(Missing("no pip"))]


def test_all_is_measured_unless_something_is_named() -> None:
    cases = [case.name for case in plan.realtime_cases(SERVERS, plan.FULL, ())]

    assert cases[:4] == [
        "uvicorn.command.64",
        "turnlog.command.64",
        "socketio.command.64",
        "python_socketio.command.64",
    ]
    assert {"socketio.fanout.5000", "turnlog.durable_fanout.200", "uvicorn.idle.2000"} <= set(cases)
    assert "uvicorn.durable_fanout.200" not in cases


def test_a_scenario_is_named_beside_a_server() -> None:
    only = ("uvicorn", "idle")

    cases = plan.realtime_cases(plan.realtime_programs(only), plan.FULL, only)

    assert [case.name for case in cases] == ["uvicorn.idle.2000"]


def test_every_comparison_and_every_bound_is_of_cases_that_exist() -> None:
    cases = {case.name for case in plan.realtime_cases(SERVERS, plan.FULL, ())}

    named = {name for each in plan.realtime_comparisons(plan.FULL) for name in (each.name, each.against)}
    assert named <= cases
    assert {bound.name for bound in plan.realtime_bounds(plan.FULL)} <= cases


def test_a_peer_that_is_not_there_is_reported() -> None:
    cases = {case.name: case.subject.missing for case in plan.realtime_cases(SERVERS, plan.FULL, ())}

    assert cases["socketio.command.64"] == "no npm"
    assert cases["python_socketio.idle.2000"] == "no pip"
    assert cases["uvicorn.command.64"] is None


def test_too_few_open_files_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1_024, 1_024))

    cases = {case.name: case.subject.missing for case in plan.realtime_cases(SERVERS, plan.FULL, ())}

    assert cases["uvicorn.fanout.5000"] == "needs 5100 open files, and the limit is 1024"
    assert cases["uvicorn.fanout.200"] is None


async def test_a_server_that_does_not_start_says_why() -> None:
    async with asyncio.timeout(30):
        with pytest.raises(BenchmarkError, match="DATABASE_URL"):
            async with running(turnlog(), "postgresql://nobody@127.0.0.1:1/nothing"):
                raise AssertionError("it must not have started")
