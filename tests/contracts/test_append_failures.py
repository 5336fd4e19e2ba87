"""What the database's errors mean for a command: wait, give up with certainty, or blame the command."""

import asyncio
import random
from contextlib import suppress

import anyio
import psycopg
import pytest

from adapters.postgres.appender import BatchingAppender
from domain.errors import EventRejected, OutcomeUnknown, StoreUnavailable
from domain.ports import Append
from tests.support.appends import an_append, message, running_appender
from tests.support.history import stored_events

FAIL_WHEN = """
CREATE FUNCTION fail_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'made to fail' USING ERRCODE = '{sqlstate}';
END $$;
CREATE TRIGGER fail_insert BEFORE INSERT ON stored_events FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION fail_insert()
"""
DROP = "DROP TRIGGER fail_insert ON stored_events"

PASSING = {
    "disk full": "53100",
    "out of memory": "53200",
    "input or output error": "58030",
    "read-only server": "25006",
    "deadlock": "40P01",
    "statement timeout": "57014",
    "lock timeout": "55P03",
    "missing privilege": "42501",
    "a writer without the lock": "23505",
    "corrupted index": "XX002",
}
LASTING = {"invalid text": "22021", "value too long": "22001", "check violation": "23514", "row too large": "54000"}


def make_inserts_fail(dsn: str, sqlstate: str, condition: str = "true") -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(FAIL_WHEN.format(sqlstate=sqlstate, condition=condition).encode())


def let_inserts_pass(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(DROP)


@pytest.mark.parametrize("sqlstate", PASSING.values(), ids=PASSING)
async def test_an_error_that_passes_is_waited_for(database: str, sqlstate: str) -> None:
    async with running_appender(database) as appender:
        make_inserts_fail(database, sqlstate)
        waiting = asyncio.gather(*[appender.append(an_append()) for _ in range(3)])
        await asyncio.sleep(0.2)
        assert not waiting.done()

        let_inserts_pass(database)

        assert len(await waiting) == 3
    assert len(stored_events(database)) == 3


async def append_until_stored(appender: BatchingAppender, append: Append) -> None:
    """The appender may still be resting from its last attempt for longer than this test lets a caller wait."""
    with anyio.fail_after(10):
        while True:
            with suppress(StoreUnavailable, OutcomeUnknown):
                await appender.append(append)
                return


@pytest.mark.parametrize("sqlstate", PASSING.values(), ids=PASSING)
async def test_an_error_that_does_not_pass_in_time_is_told_and_nothing_is_stored(database: str, sqlstate: str) -> None:
    refused, later = [an_append() for _ in range(3)], an_append()
    async with running_appender(database, outcome_deadline_s=0.5) as appender:
        make_inserts_fail(database, sqlstate)

        outcomes = await asyncio.gather(*map(appender.append, refused), return_exceptions=True)

        assert {type(outcome) for outcome in outcomes} <= {StoreUnavailable, OutcomeUnknown}
        let_inserts_pass(database)
        await append_until_stored(appender, later)

    # Unknown when the deadline falls into an attempt: its second half, after a unique violation, may still succeed.
    unknown = [append for append, outcome in zip(refused, outcomes, strict=True) if type(outcome) is OutcomeUnknown]
    stored = {event.event_id for event in stored_events(database)} - {append.event_ids[0] for append in unknown}
    assert stored == set(later.event_ids)


@pytest.mark.parametrize("sqlstate", LASTING.values(), ids=LASTING)
async def test_an_error_of_what_is_in_a_command_fails_that_command_alone_and_at_once(
    database: str, sqlstate: str
) -> None:
    make_inserts_fail(database, sqlstate, "length(NEW.state) > 10000")
    good = [an_append() for _ in range(6)]
    large = an_append(events=[message(), message("x" * 20_000)])
    async with running_appender(database) as appender, asyncio.timeout(2):
        outcomes = await asyncio.gather(*map(appender.append, [*good[:4], large, *good[4:]]), return_exceptions=True)

    rejected = outcomes.pop(4)
    assert isinstance(rejected, EventRejected)
    assert "made to fail" not in str(rejected)
    assert all(isinstance(outcome, tuple) for outcome in outcomes), outcomes
    assert {event.event_id for event in stored_events(database)} == {append.event_ids[0] for append in good}


async def test_a_command_that_the_server_has_refused_is_certainly_not_stored(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given that the deadline falls between the first attempt and the next
    monkeypatch.setattr(random, "uniform", lambda _low, _high: 5.0)
    async with running_appender(database, outcome_deadline_s=0.5) as appender:
        make_inserts_fail(database, PASSING["disk full"])

        with pytest.raises(StoreUnavailable):
            await appender.append(an_append())

    assert stored_events(database) == ()
