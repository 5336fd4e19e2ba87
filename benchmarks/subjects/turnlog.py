"""Turnlog itself: the real use case, and its appender alone."""

from benchmarks.database import execute
from benchmarks.measurement import Measurement
from benchmarks.subject import BenchmarkError, Subject

_NOT_YET = "its appender is not in this checkout yet"


def subject() -> Subject:
    return Subject(name="turnlog", callers_are="conversations", prepare=_prepare, measure=_measure, missing=_NOT_YET)


def bare_appender() -> Subject:
    return Subject(name="appender", callers_are="callers", prepare=_prepare, measure=_measure, missing=_NOT_YET)


async def _prepare(dsn: str) -> None:
    await execute(dsn, "SELECT 1")


async def _measure(dsn: str, callers: int, seconds: float) -> Measurement:
    raise BenchmarkError(f"{_NOT_YET}: {callers} callers, {seconds} s, {len(dsn)}")
