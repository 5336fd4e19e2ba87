"""Rules about times: given older rows, when they are imported, then this is when things have happened."""

from datetime import UTC, datetime

import pytest

from app.operations.transfer.legacy.repairs import Repair
from domain.conversation import commands as c
from tests.support.legacy import (
    SESSION_ID,
    at,
    content_of,
    imported,
    message_row,
    session_row,
)


def test_rows_in_order_need_no_rule_but_those_of_their_ids() -> None:
    result = imported([session_row()], [message_row(1, "10:00:01"), message_row(2, "10:00:02", "assistant", "Hi")])

    assert set(result.notes) == {Repair.MESSAGE_ID_DERIVED}
    assert [type(past.command) for past in result.history.commands] == [
        c.StartConversation,
        c.SubmitUserMessage,
        c.CompleteResponse,
        c.EndConversation,
    ]
    assert [past.occurred_at for past in result.history.commands] == [
        at("10:00:00"),
        at("10:00:01"),
        at("10:00:02"),
        at("10:30:00"),
    ]


@pytest.mark.parametrize(
    ("row", "clocks", "start"),
    [
        ({}, ["10:05:00", "10:06:00"], "10:05:00"),
        ({"created_at": "2024-01-01 09:59:00"}, ["10:05:00"], "10:05:00"),
        ({"created_at": "2024-01-01 09:59:00"}, [], "09:59:00"),
        ({}, [], "10:30:00"),
    ],
)
def test_a_missing_start_is_the_first_message_or_when_the_row_was_made(
    row: dict[str, str], clocks: list[str], start: str
) -> None:
    messages = [message_row(number, clock) for number, clock in enumerate(clocks, start=1)]

    result = imported([session_row(started_at=None, **row)], messages)

    assert result.start.occurred_at == at(start)
    assert result.notes[Repair.START_MISSING] == [SESSION_ID]


def test_no_message_is_before_the_start() -> None:
    result = imported([session_row()], [message_row(1, "09:59:58")])

    assert result.start.occurred_at == at("09:59:58")
    assert result.notes[Repair.START_AFTER_FIRST_MESSAGE] == [SESSION_ID]


def test_without_any_time_it_is_1970() -> None:
    result = imported([session_row(started_at=None, ended_at=None)], [message_row(1, None)])

    assert {past.occurred_at for past in result.history.commands} == {datetime(1970, 1, 1, tzinfo=UTC)}
    assert result.notes[Repair.TIME_UNKNOWN] == [SESSION_ID]


@pytest.mark.parametrize("text", ["infinity", "0044-03-15 00:00:00 BC", "10000-01-01 00:00:00", "yesterday"])
def test_what_is_no_time_counts_as_missing(text: str) -> None:
    result = imported([session_row(started_at=text)], [message_row(1, "10:00:01")])

    assert result.start.occurred_at == at("10:00:01")
    assert result.notes[Repair.TIME_UNREADABLE] == [SESSION_ID]


def test_a_message_without_a_time_follows_the_one_with_the_number_before() -> None:
    rows = [message_row(1, "10:00:01"), message_row(3, "10:00:03"), message_row(2, None, content="Between")]

    result = imported([session_row()], rows)

    assert [past.occurred_at for past in result.said] == [at("10:00:01"), at("10:00:01"), at("10:00:03")]
    assert content_of(result.said[1].command) == "Between"
    assert result.notes[Repair.MESSAGE_TIME_MISSING] == ["2"]


def test_of_both_column_sets_the_newer_counts() -> None:
    older = {"session_start": "2024-01-01 09:00:00", "session_end": "2024-01-01 10:30:00"}

    result = imported([session_row(**older)])

    assert result.start.occurred_at == at("10:00:00")
    assert result.notes[Repair.BOTH_COLUMN_SETS] == [SESSION_ID], "the ends are the same"


def test_of_both_column_sets_the_one_that_has_a_value_counts() -> None:
    result = imported([session_row(started_at=None, session_start="2024-01-01 09:00:00")])

    assert result.start.occurred_at == at("09:00:00")
    assert Repair.BOTH_COLUMN_SETS not in result.notes


@pytest.mark.parametrize("duration", ["90", "90.000", "00:01:30", "0 days 00:01:30"])
def test_a_missing_end_is_the_start_and_the_duration(duration: str) -> None:
    result = imported([session_row(ended_at=None, duration_seconds=duration)], [message_row(1, "10:00:01")])

    assert result.ended_at == at("10:01:30")
    assert result.notes[Repair.END_FROM_DURATION] == [SESSION_ID]


@pytest.mark.parametrize("known", [{"duration_seconds": "0"}, {"duration_seconds": "600", "is_active": "t"}])
def test_a_duration_of_a_session_that_goes_on_is_no_end(known: dict[str, str]) -> None:
    result = imported([session_row(ended_at=None, **known)], [message_row(1, "10:00:30")])

    assert result.ended_at == at("10:00:30")
    assert result.notes[Repair.NEVER_CLOSED] == [SESSION_ID]


def test_a_closed_session_without_an_end_ends_with_its_last_message() -> None:
    result = imported([session_row(ended_at=None, is_active="f")], [message_row(1, "10:00:01")])

    assert result.ended_at == at("10:00:01")
    assert result.ended_reason == "user_ended"
    assert result.notes[Repair.END_FROM_LAST_ACTIVITY] == [SESSION_ID]


def test_no_session_ends_before_it_starts() -> None:
    result = imported([session_row(ended_at="2024-01-01 09:00:00")], [message_row(1, "10:00:01")])

    assert result.ended_at == at("10:00:01")
    assert result.notes[Repair.END_BEFORE_START] == [SESSION_ID]


def test_an_end_that_messages_have_outlived_is_the_last_of_them() -> None:
    result = imported([session_row()], [message_row(1, "10:30:30"), message_row(2, "10:31:01")])

    assert result.ended_at == at("10:31:01")
    assert result.history.commands[-1] == result.end, "so none is late"
    assert result.notes[Repair.END_BEFORE_LAST_MESSAGE] == [SESSION_ID]


def test_a_message_of_the_grace_period_is_late_and_the_end_stays() -> None:
    rows = [message_row(1, "10:29:00"), message_row(2, "10:31:00", "assistant", "Bye")]

    result = imported([session_row()], rows)

    assert result.ended_at == at("10:30:00")
    assert isinstance(result.history.commands[-1].command, c.RecordMessage)
    assert result.notes[Repair.LATE_MESSAGE] == ["2"]


@pytest.mark.parametrize("is_active", ["t", None])
def test_a_session_that_was_never_closed_ends_idle_at_its_last_activity(is_active: str | None) -> None:
    result = imported([session_row(ended_at=None, is_active=is_active)], [message_row(1, "10:00:01")])

    assert result.ended_at == at("10:00:01")
    assert result.ended_reason == "idle_timeout"
    assert result.notes[Repair.NEVER_CLOSED] == [SESSION_ID]


def test_a_session_of_now_stays_open() -> None:
    now = message_row(1, None, created_at="2026-06-01 00:00:00")

    result = imported([session_row(ended_at=None, is_active="t")], [now])

    assert result.end is None
    assert result.notes[Repair.KEPT_OPEN] == [SESSION_ID]


def test_who_has_an_end_has_ended() -> None:
    result = imported([session_row(is_active="t")])

    assert result.ended_at == at("10:30:00")
    assert result.notes[Repair.ACTIVE_BUT_ENDED] == [SESSION_ID]


@pytest.mark.parametrize("duration", ["-1", "-00:00:05", "a while", "1e300"])
def test_a_duration_that_is_none_is_passed_over(duration: str) -> None:
    result = imported([session_row(ended_at=None, is_active="f", duration_seconds=duration)])

    assert result.ended_at == at("10:00:00")
    assert result.notes[Repair.DURATION_UNUSABLE] == [SESSION_ID]


def test_an_end_counts_more_than_a_duration() -> None:
    result = imported([session_row(duration_seconds="5")])

    assert result.ended_at == at("10:30:00")
    assert result.notes[Repair.DURATION_DIFFERS] == [SESSION_ID]


def test_the_reason_of_the_end_is_one_of_ours_or_its_own_words() -> None:
    ours, theirs = imported([session_row(ended_reason="error")]), imported([session_row(ended_reason="Hung up")])

    assert ours.ended_reason == "error"
    assert theirs.end is not None
    assert theirs.end.command == c.EndConversation(ended_reason="user_ended", detail="Hung up")
