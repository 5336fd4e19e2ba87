"""A conversation in words: every event has its line, and nothing that is stored can break one."""

import unicodedata
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from rich.console import Console

from app.cli import main
from app.http.v2.meta import state_machine
from app.show.pages import COLUMNS_WIDTH, Page, offset_of
from app.views import conversation_view, event_view
from domain.conversation.evolution import fold
from domain.ports import RecordedEvent
from tests.support.histories import happenings, unborn
from tests.support.recording import recorded_log
from tests.support.rest import NOBODYS_ID

Json = dict[str, Any]
STARTED = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TARGETS = {row.event: row.to for row in state_machine().transitions}

logs = happenings(max_conversations=1).map(recorded_log)


def event(event_type: str, data: Json, *, version: int = 1, after_s: float = 0.0) -> Json:
    at = STARTED + timedelta(seconds=after_s)
    return {"type": event_type, "version": version, "data": data, "occurred_at": at.isoformat()}


def conversation(**fields: Any) -> Json:
    times = {"started_at": STARTED.isoformat(), "last_activity_at": STARTED.isoformat(), "ended_at": None}
    base = {"id": "c-1", "state": "IDLE", "status": "IDLE", "version": 1, "allowed": ["start_listening"]}
    return base | times | {"message_count": 0, "metadata": {}} | fields


def page_of(then: Json, *events: Json, newest: int = 1, width: int | None = None) -> list[str]:
    """The lines; with a width, as a terminal has them."""
    output = StringIO()
    console = Console(
        file=output, color_system=None, highlight=False, width=width or 500, force_terminal=width is not None
    )
    Page(console, TARGETS).show(then, newest, events)
    return output.getvalue().splitlines()


def lines_of(*events: Json) -> list[str]:
    """The lines of the events alone."""
    lines = page_of(conversation(), *events)
    return lines[lines.index("") + 1 : -2]


@pytest.mark.parametrize(
    ("event_type", "data", "words"),
    [
        ("conversation_started", {"user_id": "ada", "agent": None}, "→ IDLE                  conversation_started"),
        ("user_message_received", {"content": "Hi"}, "→ PROCESSING            user  Hi"),
        (
            "user_message_received",
            {"content": "Hi", "queued": True},
            "user  takes the turn that the message has waited",
        ),
        ("user_message_queued", {"content": "Hi"}, "user  Hi  (queued)"),
        ("response_completed", {"content": "Yes?"}, "assistant  Yes?"),
        (
            "response_interrupted",
            {"generated_text": "At seven?", "heard_text": "At"},
            "assistant  At seven?  (interrupted, heard 2 of 9 characters)",
        ),
        ("message_recorded", {"role": "tool", "content": "{}", "late": True}, "tool  {}  (late)"),
        ("message_corrected", {"content": "two", "reason": "misheard"}, "corrected  two  (misheard)"),
        ("turn_failed", {"code": "asr", "message": "broken"}, "turn_failed  asr: broken"),
        ("tool_call_started", {"name": "f", "arguments": {"a": 1}}, 'tool_call_started  f {"a":1}'),
        ("tool_call_completed", {"result": None, "error": "gone"}, "tool_call_completed  error gone"),
        ("feedback_recorded", {"rating": 1, "comment": None}, 'feedback_recorded  {"rating":1}'),
        ("conversation_ended", {"ended_reason": "error", "detail": "lost"}, "conversation_ended  error lost"),
        ("something_new", {"x": 1}, 'something_new  {"x":1}'),
    ],
)
def test_everything_that_happens_has_its_line(event_type: str, data: Json, words: str) -> None:
    (line,) = lines_of(event(event_type, data))

    assert line.startswith("+00:00.000    1  ")
    assert words in line


def test_a_line_has_the_move_that_the_table_gives_and_the_time_since_the_beginning() -> None:
    lines = lines_of(
        event("conversation_started", {}),
        event("listening_started", {}, version=2, after_s=1.5),
        event("message_recorded", {"role": "tool", "content": "{}"}, version=3, after_s=1),
        event("listening_stopped", {"reason": "silence"}, version=4, after_s=3_725.25),
    )

    assert [line[:COLUMNS_WIDTH].rstrip() for line in lines[:3]] == [
        "+00:00.000    1  → IDLE",
        "+00:01.500    2  IDLE → LISTENING",
        "+00:01.000    3",
    ]
    assert lines[3].startswith("+1:02:05.250    4  LISTENING → IDLE")


def test_a_clock_that_went_back_is_shown_as_it_was() -> None:
    assert offset_of(STARTED - timedelta(milliseconds=500), STARTED) == "-00:00.500"
    assert offset_of(None, STARTED) == "?"


def test_the_head_says_who_and_how_long_and_the_end_what_it_led_to() -> None:
    ended_at = (STARTED + timedelta(seconds=84)).isoformat()
    ended = {"state": "ENDED", "ended_at": ended_at, "ended_reason": "user_ended", "allowed": []}
    who = {"user_id": "ada", "agent": "concierge", "metadata": {"plan": "gold"}, "message_count": 1}
    lines = page_of(conversation(**who, **ended, status="ERROR", version=9), newest=12)

    head = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[: lines.index("")]}
    assert head["conversation"] == "c-1"
    assert (head["state"], head["version"], head["user"]) == ("ENDED, ERROR", "9 of 12", "ada")
    assert (head["agent"], head["duration"]) == ("concierge", "01:24.000")
    assert head["metadata"] == '{"plan":"gold"}'
    assert head["ended"].endswith("user_ended")
    assert lines[-1] == "ENDED as of version 9, 1 message"


def test_a_long_message_goes_on_under_where_it_begins() -> None:
    text = " ".join(f"word{number}" for number in range(30))

    lines = page_of(conversation(), event("response_completed", {"content": text}), width=90)

    said = [line for line in lines if "word" in line]
    assert len(said) > 1
    assert {line[:COLUMNS_WIDTH] for line in said[1:]} == {" " * COLUMNS_WIDTH}
    assert all(len(line) <= 90 for line in said)


@given(logs)
def test_no_history_breaks_the_page_and_its_last_move_leads_to_the_state(log: list[RecordedEvent]) -> None:
    then = fold(unborn(log[0].conversation_id), log)
    events = [msgspec.to_builtins(event_view(recorded)) for recorded in log]

    lines = page_of(msgspec.to_builtins(conversation_view(then, "e-1")), *events, newest=len(log))

    assert not any(unicodedata.category(character) == "Cc" for line in lines for character in line)
    told = lines[lines.index("") + 1 : -2]
    assert len(told) == len(log)
    moves = [line[:COLUMNS_WIDTH].split()[-1] for line in told if "→" in line[:COLUMNS_WIDTH]]
    assert moves[-1] == then.state


@pytest.mark.parametrize("time", ["noon", "2026-13-01", ""])
def test_what_is_no_time_is_refused(time: str) -> None:
    answer = CliRunner().invoke(main, ["show", NOBODYS_ID, "--at", time])

    assert answer.exit_code == 2
    assert "is not a time such as" in answer.output


def test_two_moments_are_refused() -> None:
    answer = CliRunner().invoke(main, ["show", NOBODYS_ID, "--at", "2026-05-04", "--at-version", "3"])

    assert answer.exit_code == 2
    assert "exclude each other" in answer.output
