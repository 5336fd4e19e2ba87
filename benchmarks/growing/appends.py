"""Appends through the real use case, as in `turnlog bench append`: on a store that is empty, and on one that is not."""

from benchmarks.subject import Subject
from benchmarks.subjects.appender import prepare
from benchmarks.subjects.turnlog import through_use_case


def on_empty() -> Subject:
    return Subject(name="append_empty", callers_are="conversations", prepare=prepare, measure=through_use_case)


def on_filled() -> Subject:
    """It grows by what is appended."""
    return Subject(name="append_filled", callers_are="conversations", prepare=prepare, measure=through_use_case)
