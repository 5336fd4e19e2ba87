"""Hypothesis strategies that read the types themselves: a new field is tried from the day that it exists."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import replace

from domain.conversation.commands import COMMAND_TYPES, Command
from domain.conversation.events import EVENT_TYPES, Event
from domain.ids import MessageId
from tests.support.decider import NOON, numbered_uuid

Values = st.SearchStrategy[Any]

_TEXT: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_FEW: Final = 3
_JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=_FEW) | st.dictionaries(_TEXT, inner, max_size=_FEW),
    max_leaves=8,
)
_FEW_UUIDS: Final = st.sampled_from([numbered_uuid(number) for number in range(1, 7)])
_POOLS: Final[dict[str, Values]] = {
    # Few names, so that commands meet what earlier ones made.
    "message_id": _FEW_UUIDS,
    "response_id": st.sampled_from(["response-1", "response-2"]),
    "tool_call_id": st.sampled_from(["call-1", "call-2", "call-3"]),
}

ODD_VALUES: Final[Values] = st.sampled_from(
    [
        None,
        "",
        "\0",
        "\ud800",
        "x" * 40_000,
        "ä" * 20_000,
        b"bytes",
        True,
        -1,
        2**63,
        2**64,
        math.nan,
        math.inf,
        object(),
        (),
        ["x"],
        {"\0": 1},
        {"k": "\ud800"},
        {"k": math.nan},
        {"k": [2**63]},
        {1: "x"},
        {"k" * 65: "x"},
        {"k": "x" * 513},
        {f"key{number}": "x" for number in range(40)},
        datetime(2026, 7, 1),  # noqa: DTZ001 - a time without its zone is odd
        datetime.max.replace(tzinfo=UTC),
    ]
)


def _text(info: inspect.StrType) -> Values:
    if info.pattern is not None:
        return _FEW_UUIDS
    return _TEXT.filter(lambda text: len(text) >= (info.min_length or 0))


def _struct(info: inspect.StructType) -> Values:
    fields = {field.name: _POOLS.get(field.name, _values(field.type)) for field in info.fields if field.required}
    optional = {
        field.name: st.none() | _POOLS[field.name] if field.name in _POOLS else _values(field.type)
        for field in info.fields
        if not field.required
    }
    return st.fixed_dictionaries(fields, optional=optional).map(lambda values: info.cls(**values))


_BY_KIND: Final[dict[type[inspect.Type], Callable[[Any], Values]]] = {
    inspect.AnyType: lambda _: _JSON,
    inspect.NoneType: lambda _: st.none(),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.IntType: lambda info: st.integers(info.ge if info.ge is not None else -(2**31), info.le or 2**31),
    inspect.FloatType: lambda info: st.floats(info.ge, info.le, allow_nan=False, allow_infinity=False),
    inspect.StrType: _text,
    inspect.LiteralType: lambda info: st.sampled_from(info.values),
    inspect.DateTimeType: lambda _: st.integers(-(2**50), 2**50).map(lambda n: NOON + timedelta(microseconds=n)),
    inspect.Metadata: lambda info: _values(info.type),  # a type with a description
    inspect.UnionType: lambda info: st.one_of([_values(member) for member in info.types]),
    inspect.ListType: lambda info: st.lists(_values(info.item_type), max_size=_FEW),
    inspect.VarTupleType: lambda info: st.lists(_values(info.item_type), max_size=_FEW).map(tuple),
    inspect.DictType: lambda info: st.dictionaries(_values(info.key_type), _values(info.value_type), max_size=_FEW),
    inspect.StructType: _struct,
}


def _values(info: inspect.Type) -> Values:
    return _BY_KIND[type(info)](info)


_COMMANDS: Final = {command_type: _values(inspect.type_info(command_type)) for command_type in COMMAND_TYPES}
_EVENTS: Final = {event_type: _values(inspect.type_info(event_type)) for event_type in EVENT_TYPES}


def commands(command_type: type[Command] | None = None) -> st.SearchStrategy[Command]:
    """Commands as a careful caller builds them."""
    return st.one_of(list(_COMMANDS.values())) if command_type is None else _COMMANDS[command_type]


def message_ids() -> st.SearchStrategy[MessageId]:
    """So few ids that they meet."""
    return _FEW_UUIDS.map(MessageId)


def events() -> st.SearchStrategy[Event]:
    """Events of every type, in no order that a conversation would have."""
    return st.one_of(list(_EVENTS.values()))


@st.composite
def odd_commands(draw: st.DrawFn) -> Command:
    """Commands of which one field is something that no caller can send."""
    command = draw(commands().filter(lambda command: bool(command.__struct_fields__)))
    field = draw(st.sampled_from(command.__struct_fields__))
    return replace(command, **{field: draw(ODD_VALUES)})


def origin_times() -> st.SearchStrategy[datetime]:
    """The clocks of several nodes on one day, which jump."""
    return st.integers(-3_600, 3_600).map(lambda seconds: NOON + timedelta(seconds=seconds))
