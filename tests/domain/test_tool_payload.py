"""Arguments and results of tools are JSON that the database can carry, bounded in size and depth."""

from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest

from domain.conversation import commands as c
from domain.conversation.errors import InvalidCommand
from domain.conversation.limits import MAX_TOOL_PAYLOAD_BYTES, MAX_TOOL_PAYLOAD_DEPTH
from domain.conversation.validation import validate

LARGEST_INTEGER = 2**63 - 1


def call(**arguments: Any) -> c.StartToolCall:
    """A call of a tool with these arguments."""
    return c.StartToolCall(tool_call_id="call-1", name="find_table", arguments=arguments)


def nested(levels: int) -> Any:
    """So many lists in one another."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def refused_field(command: c.Command) -> str:
    """The path by which the command is refused."""
    with pytest.raises(InvalidCommand) as caught:
        validate(command)
    return caught.value.field


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -0.0, 1e300, 5e-324, LARGEST_INTEGER, -LARGEST_INTEGER - 1, "", "\u2028", [], {}, [[], [{}]]],
    ids=repr,
)
def test_json_is_taken(value: Any) -> None:
    validate(call(value=value))
    validate(c.CompleteToolCall(tool_call_id="call-1", result=value))


@pytest.mark.parametrize(
    "value",
    [
        nan,
        inf,
        -inf,
        LARGEST_INTEGER + 1,
        -LARGEST_INTEGER - 2,
        10**400,
        object(),
        Decimal(1),
        b"x",
        (1, 2),
        {1},
        {1: "x"},
        "\0",
        "\ud800",
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_the_culprit_is_named_by_its_path(value: Any) -> None:
    assert refused_field(call(items=[1, 2, 3, {"name": value}])) == "arguments.items[3].name"
    assert refused_field(c.CompleteToolCall(tool_call_id="call-1", result=[value])) == "result[0]"


def test_a_payload_may_be_so_deep_and_no_deeper() -> None:
    validate(c.CompleteToolCall(tool_call_id="call-1", result=nested(MAX_TOOL_PAYLOAD_DEPTH)))
    deeper = c.CompleteToolCall(tool_call_id="call-1", result=nested(MAX_TOOL_PAYLOAD_DEPTH + 1))
    assert refused_field(deeper) == "result"


def test_a_payload_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert refused_field(c.CompleteToolCall(tool_call_id="call-1", result=endless)) == "result"


def test_a_small_payload_that_writes_out_huge_is_refused_at_once() -> None:
    bomb: Any = "x"
    for _ in range(MAX_TOOL_PAYLOAD_DEPTH):
        bomb = [bomb] * 10
    assert refused_field(c.CompleteToolCall(tool_call_id="call-1", result=bomb)) == "result"


def test_the_size_is_counted_in_bytes_of_json() -> None:
    around = len('{"text":""}')
    validate(call(text="x" * (MAX_TOOL_PAYLOAD_BYTES - around)))
    assert refused_field(call(text="x" * (MAX_TOOL_PAYLOAD_BYTES - around + 1))) == "arguments"
    assert refused_field(call(text="ä" * (MAX_TOOL_PAYLOAD_BYTES // 2))) == "arguments"
    assert refused_field(c.CompleteToolCall(tool_call_id="call-1", result="\n" * 20_000)) == "result"


def test_arguments_must_be_an_object() -> None:
    listed: Any = [1]
    assert refused_field(c.StartToolCall(tool_call_id="call-1", name="find_table", arguments=listed)) == "arguments"
