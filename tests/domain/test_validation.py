"""What the types of a command cannot say is refused by name, whoever built the command."""

from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan
from typing import Any, cast

import pytest

from domain.conversation import commands as c
from domain.conversation.errors import InvalidCommand
from domain.conversation.limits import MAX_CONTENT_BYTES, MAX_METADATA_KEY_CHARACTERS
from domain.conversation.validation import validate
from domain.conversation.values import GivenPolicies
from tests.support.decider import given, message_id
from tests.support.moments import IDLE, QUESTION_ID

HALF_A_PAIR = "\ud800"


def refused_field(command: c.Command) -> str:
    """The field by which the command is refused. The refusal must itself be fit for an answer."""
    with pytest.raises(InvalidCommand) as caught:
        validate(command)
    str(caught.value).encode()
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return caught.value.field


def say(content: str, **fields: Any) -> c.SubmitUserMessage:
    """An ordinary message of the user."""
    return c.SubmitUserMessage(content=content, **fields)


@pytest.mark.parametrize(
    "command",
    [
        say(""),
        say("x" * MAX_CONTENT_BYTES),
        say("ä" * (MAX_CONTENT_BYTES // 2)),
        say("\n" * MAX_CONTENT_BYTES),
        say("\\u0000 in words, and \x01 \x7f \u2028 \U0001f600"),
        say("x", metadata={"größe": "ü", "empty": ""}, confidence=1, segment_ids=("a", "b")),
        say("x", spoken_at=datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=45)))),
        c.ChangeMetadata(metadata={"gone": None}),
        c.CompleteToolCall(tool_call_id="a"),
        c.CompleteToolCall(tool_call_id="a", result=[1, -1.5, True, "x", {"y": None}]),
        c.ResumeSpeech(),
    ],
    ids=lambda command: str(command)[:60],
)
def test_what_can_be_stored_is_taken(command: c.Command) -> None:
    validate(command)


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (say("x" * (MAX_CONTENT_BYTES + 1)), "content"),
        (say("ä" * (MAX_CONTENT_BYTES // 2) + "x"), "content"),
        (c.InterruptResponse(generated_text="€" * 11_000), "generated_text"),
        (c.InterruptResponse(heard_text="€" * 11_000), "heard_text"),
        (c.CancelResponse(generated_text="€" * 11_000), "generated_text"),
        (c.RecordMessage(role="tool", content="€" * 11_000), "content"),
        (c.CorrectMessage(message_id=QUESTION_ID, content="€" * 11_000), "content"),
        (c.CompleteResponse(content="€" * 11_000), "content"),
    ],
)
def test_content_is_counted_in_bytes(command: c.Command, field: str) -> None:
    assert refused_field(command) == field


@pytest.mark.parametrize("odd", ["\0", HALF_A_PAIR, "\udfff"], ids=ascii)
@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda odd: say(f"a{odd}b"), "content"),
        (lambda odd: say("x", audio_url=odd), "audio_url"),
        (lambda odd: say("x", segment_ids=("fine", odd)), "segment_ids[1]"),
        (lambda odd: say("x", metadata={"plan": odd}), "metadata.plan"),
        (lambda odd: c.ChangeMetadata(metadata={"gone": None, "plan": odd}), "metadata.plan"),
        (lambda odd: c.StartConversation(user_id=odd), "user_id"),
        (lambda odd: c.FailTurn(code="x", message=odd), "message"),
        (lambda odd: c.EndConversation(detail=odd), "detail"),
        (lambda odd: c.StartToolCall(tool_call_id="a", name="b", arguments={"x": [odd]}), "arguments.x[0]"),
        (lambda odd: c.StartToolCall(tool_call_id=odd, name="b"), "tool_call_id"),
        (lambda odd: c.CompleteToolCall(tool_call_id="a", result=odd), "result"),
    ],
)
def test_characters_that_no_store_keeps_are_refused_wherever_they_are(build: Any, field: str, odd: str) -> None:
    assert refused_field(build(odd)) == field


@pytest.mark.parametrize(("odd", "shown"), [("\0", "\\x00"), (HALF_A_PAIR, "\\ud800")], ids=ascii)
def test_an_odd_key_is_named_in_plain_characters(odd: str, shown: str) -> None:
    assert refused_field(say("x", metadata={f"a{odd}": "x"})) == f"metadata.a{shown}"
    assert refused_field(c.StartToolCall(tool_call_id="a", name="b", arguments={odd: 1})) == f"arguments.{shown}"


def test_a_huge_key_is_cut_in_the_answer() -> None:
    assert len(refused_field(say("x", metadata={"k" * 10_000: "x"}))) < 2 * MAX_METADATA_KEY_CHARACTERS


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"fine": "x", "plan": "x" * 513}, "metadata.plan"),
        ({"fine": "x", "plan": 7}, "metadata.plan"),
        ({"fine": "x", "": "x"}, "metadata."),
        ({"plan": None}, "metadata.plan"),
        ({f"key{number}": "x" for number in range(17)}, "metadata"),
        ({1: "x"}, "metadata"),
        ({"plan": object()}, "metadata"),
    ],
    ids=["long value", "number", "empty key", "null", "too many", "key is a number", "object"],
)
def test_metadata_is_refused_by_its_key(metadata: Any, field: str) -> None:
    assert refused_field(say("x", metadata=metadata)) == field


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (say("x", confidence=nan), "confidence"),
        (say("x", confidence=inf), "confidence"),
        (say("x", confidence=1.5), "confidence"),
        (say("x", audio_start_ms=-1), "audio_start_ms"),
        (say("x", audio_end_ms=2**70), "audio_end_ms"),
        (say("x", message_id=message_id(1).upper().replace("0", "A")), "message_id"),
        (say("x", segment_ids=["a", "b"]), "segment_ids"),
        (say("x", segment_ids=("a", 7)), "segment_ids[1]"),
        (say("x", spoken_at=datetime(2026, 7, 1)), "spoken_at"),  # noqa: DTZ001 - that is the point
        (say("x", spoken_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))), "spoken_at"),
        (say("x", spoken_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))), "spoken_at"),
        (say("x", spoken_at="yesterday"), "spoken_at"),
        (say(cast("str", 7)), "content"),
        (say(cast("str", b"x")), "content"),
        (say("x", audio_url=object()), "audio_url"),
        (c.RecordFeedback(message_id=QUESTION_ID, rating=True), "rating"),
        (c.RecordFeedback(message_id=QUESTION_ID, rating=6), "rating"),
        (c.RecordMessage(role=cast("Any", "bot"), content="x"), "role"),
        (c.StartConversation(policies=GivenPolicies(idle_timeout_s=0)), "policies.idle_timeout_s"),
        (c.StartConversation(policies=GivenPolicies(on_busy=cast("Any", "wait"))), "policies.on_busy"),
        (c.StartConversation(policies=GivenPolicies(on_busy=cast("Any", "\0" * 10_000))), "policies.on_busy"),
        (c.StartToolCall(tool_call_id="", name="x"), "tool_call_id"),
    ],
)
def test_a_command_built_in_python_is_as_safe_as_a_decoded_one(command: c.Command, field: str) -> None:
    assert refused_field(command) == field


def test_the_decider_refuses_before_it_looks_at_the_state() -> None:
    given().when(say("\0")).then_refused(InvalidCommand, field="content", code="invalid_command")
    given(*IDLE).when(say("\0")).then_refused(InvalidCommand, field="content")


def test_a_time_is_taken_at_the_borders_of_the_calendar() -> None:
    validate(say("x", spoken_at=datetime.min.replace(tzinfo=UTC)))
    validate(say("x", spoken_at=datetime.max.replace(tzinfo=UTC)))
