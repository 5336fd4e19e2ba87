"""Processes of their own: what they answer, and what is known of those that cannot."""

from io import BytesIO

import pytest

from benchmarks.child import ask_child, measurement_as_json, measurement_from_json, working
from benchmarks.measurement import Measurement
from benchmarks.showing import reads
from benchmarks.sockets.processes import last_line
from benchmarks.subject import BenchmarkError
from tests.benchmarks.test_report import measured

NOBODY_LISTENS = {"port": 1}


def test_a_measurement_is_the_same_after_its_journey() -> None:
    measurement = measured(20, 6)

    told: Measurement = measurement_from_json(measurement_as_json(measurement))

    assert told == measurement


async def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(BenchmarkError, match="nonsense"):
        await ask_child("benchmarks.nonsense", {})


async def test_a_child_that_cannot_begin_says_why() -> None:
    with pytest.raises(BenchmarkError, match="connection"):
        async with working(reads.__name__, NOBODY_LISTENS):
            raise AssertionError("it must not have begun")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (b"", ""),
        (b"Traceback\nValueError: no\n", "ValueError: no"),
        (
            b"psycopg.errors.SyntaxError: wrong\nLINE 1: SELECT x y\n                ^\n",
            "psycopg.errors.SyntaxError: wrong",
        ),
    ],
)
def test_the_reason_stands_in_the_last_line_that_tells_one(written: bytes, reason: str) -> None:
    assert last_line(BytesIO(written)) == reason
