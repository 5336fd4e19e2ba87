"""`turnlog archive` at a terminal."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.operations.archiving import InvalidAge, ended_before
from benchmarks.history import CONVERSATION_EVENTS, CONVERSATIONS_AT_ONCE, LASTING, TENANTS, fill
from tests.support.read_tables import project_stored_events

CONVERSATIONS = CONVERSATIONS_AT_ONCE - CONVERSATIONS_AT_ONCE // LASTING
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def filled(database: str) -> str:
    """Conversations of the last year, and their rows."""
    asyncio.run(fill_and_project(database))
    return database


async def fill_and_project(dsn: str) -> None:
    await fill(dsn, CONVERSATIONS_AT_ONCE * CONVERSATION_EVENTS)
    await project_stored_events(dsn)


def turnlog(dsn: str, *words: str) -> Result:
    return CliRunner().invoke(main, ["archive", *words], env={"DATABASE_URL": dsn})


def in_the_archive(dsn: str) -> list[str]:
    """The conversations that have events there."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute("SELECT DISTINCT originator_id::text FROM archived_events").fetchall()
    return [row[0] for row in rows]


def test_a_dry_run_says_what_would_move(filled: str) -> None:
    answer = turnlog(filled, "--ended-before", "1d", "--dry-run")

    assert answer.exit_code == 0, answer.output
    assert f"Would move {CONVERSATIONS * (CONVERSATION_EVENTS - 1):,} events of {CONVERSATIONS}" in answer.output
    assert in_the_archive(filled) == []


def test_what_ended_long_ago_moves_and_one_comes_back(filled: str) -> None:
    answer = turnlog(filled, "--ended-before", "180d", "--max-rate", "1000000")

    assert answer.exit_code == 0, answer.output
    moved = in_the_archive(filled)
    assert 0 < len(moved) < CONVERSATIONS
    assert f"events of {len(moved)} conversations into archived_events" in answer.output

    answer = turnlog(filled, "--restore", moved[0])

    assert "19 events are back" in answer.output
    assert set(in_the_archive(filled)) == set(moved[1:])


def test_only_one_tenants_moves(filled: str) -> None:
    answer = turnlog(filled, "--ended-before", "1d", "--tenant", TENANTS[2])

    assert answer.exit_code == 0, answer.output
    assert 0 < len(in_the_archive(filled)) < CONVERSATIONS


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "--ended-before or --restore"),
        (("--ended-before", "1d", "--restore", TENANTS[0]), "--ended-before or --restore"),
        (("--restore", TENANTS[0], "--dry-run"), "no other option"),
        (("--ended-before", "soon"), "'soon' is no age such as 90d"),
        (("--ended-before", "0h"), "too recent"),
        (("--restore", TENANTS[0]), "No event of conversation"),
        (("--tenant", "me", "--ended-before", "1d"), "not a valid UUID"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(database: str, words: tuple[str, ...], sentence: str) -> None:
    answer = turnlog(database, *words)

    assert answer.exit_code != 0
    assert sentence in " ".join(answer.output.split())
    assert "Traceback" not in answer.output


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90d", NOW - timedelta(days=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("4w", NOW - timedelta(weeks=4)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, 0, tzinfo=UTC)),
    ],
)
def test_an_age_or_a_date(text: str, time: datetime) -> None:
    assert ended_before(text, NOW) == time


@pytest.mark.parametrize(
    "text", ["", "90", "d", "-1d", "1.5d", "90 d", "2026-13-01", "2026-07-01T11:30:00", "2027-01-01", "59m", "999999d9"]
)
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(InvalidAge):
        ended_before(text, NOW)


def test_an_age_beyond_all_time_is_refused() -> None:
    with pytest.raises(InvalidAge):
        ended_before("999999w", NOW)
