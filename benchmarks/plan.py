"""What `turnlog bench append` measures, and what it must reach."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.comparison import Comparison, Figure, Goal
from benchmarks.subject import Case, Subject
from benchmarks.subjects import appender, emmett, message_db, option_a, option_b, pgbench, recorder, turnlog
from benchmarks.tools import find_pgbench, install_peer

OPTION_B_NOTE: Final = (
    "Option B answers before anything is stored: a crash loses the queue, and what comes while it is full is dropped."
)

COMPARISONS: Final = (
    Comparison(name="turnlog.256", against="pgbench.64", figure=Figure.RATE, goal=Goal(1.5, at_least=True)),
    Comparison(name="turnlog.256", against="recorder.16", figure=Figure.RATE, goal=Goal(20, at_least=True)),
    Comparison(name="turnlog.256", against="recorder.1", figure=Figure.RATE, goal=Goal(20, at_least=True)),
    Comparison(name="turnlog.1", against="pgbench.1", figure=Figure.MEDIAN_LATENCY, goal=Goal(3, at_least=False)),
    Comparison(name="turnlog.64", against="pgbench.64", figure=Figure.RATE),
    Comparison(name="turnlog.256", against="option_a.256", figure=Figure.RATE),
    Comparison(name="turnlog.64", against="message_db.64", figure=Figure.RATE),
    Comparison(name="turnlog.64", against="emmett.64", figure=Figure.RATE),
    Comparison(name="turnlog.256", against="appender.256", figure=Figure.RATE),
    Comparison(name="service.256", against="pgbench.64", figure=Figure.RATE),
)


def append_subjects(postgres_bin_dir: Path | None, only: tuple[str, ...]) -> dict[str, Subject]:
    """Installs peers when it must, so it may take a while the first time. Empty `only` means all."""
    pgbench_program = find_pgbench(postgres_bin_dir)
    makers: dict[str, Callable[[], Subject]] = {
        "pgbench": lambda: pgbench.subject(pgbench_program),
        "turnlog": turnlog.subject,
        "service": turnlog.whole_service,
        "appender": appender.subject,
        "recorder": recorder.subject,
        "option_a": option_a.subject,
        "option_b": option_b.subject,
        "message_db": lambda: message_db.subject(pgbench_program, install_peer("message_db", ("npm",))),
        "emmett": lambda: emmett.subject(install_peer("emmett", ("node", "npm"))),
    }
    return {name: make() for name, make in makers.items() if not only or name in only}


# In the order of a round: what is compared stands side by side.
_CALLERS: Final = (
    ("pgbench", 1),
    ("turnlog", 1),
    ("pgbench", 64),
    ("turnlog", 256),
    ("recorder", 16),
    ("recorder", 1),
    ("turnlog", 64),
    ("turnlog", 1024),
    ("service", 256),
    ("appender", 1),
    ("appender", 64),
    ("appender", 256),
    ("option_a", 1),
    ("option_a", 64),
    ("option_a", 256),
    ("option_b", 1),
    ("message_db", 1),
    ("message_db", 64),
    ("emmett", 1),
    ("emmett", 64),
)

SUBJECT_NAMES: Final = tuple(dict.fromkeys(name for name, _ in _CALLERS))


def append_cases(subjects: dict[str, Subject]) -> list[Case]:
    return [Case(subjects[name], callers) for name, callers in _CALLERS if name in subjects]
