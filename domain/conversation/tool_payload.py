"""The free-form JSON of tools: the only part of a command whose shape no type describes."""

from math import isfinite
from typing import Final

import msgspec

from domain.conversation.errors import InvalidCommand
from domain.conversation.field_paths import item_path, member_path
from domain.conversation.limits import MAX_TOOL_PAYLOAD_BYTES, MAX_TOOL_PAYLOAD_DEPTH

_SMALLEST_INTEGER: Final = -(2**63)
_LARGEST_INTEGER: Final = 2**63 - 1

_encoder: Final = msgspec.json.Encoder()


def check_tool_payload(field: str, payload: object) -> None:
    """Refuse what JSON or the database cannot carry, and what is too large or too deep.

    Raises:
        InvalidCommand: `field` is the path of the first culprit.
    """
    _Walk(field).visit(field, payload, depth=0)
    size_bytes = len(_encoder.encode(payload))
    if size_bytes > MAX_TOOL_PAYLOAD_BYTES:
        raise InvalidCommand(field, f"has {size_bytes} bytes of JSON; at most {MAX_TOOL_PAYLOAD_BYTES} are taken.")


class _Walk:
    """Counts the values on its way. Each takes at least a byte, so a payload that is far too large is not walked to
    its end, nor is a small one that holds the same list very many times."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._values_left = MAX_TOOL_PAYLOAD_BYTES

    def visit(self, path: str, value: object, depth: int) -> None:
        """Check the value and all that is in it. `depth` is the number of containers around it."""
        self._values_left -= 1
        if self._values_left < 0:
            raise InvalidCommand(self._field, f"has more than {MAX_TOOL_PAYLOAD_BYTES} bytes of JSON.")
        if type(value) in (dict, list) and depth >= MAX_TOOL_PAYLOAD_DEPTH:
            raise InvalidCommand(self._field, f"is nested deeper than {MAX_TOOL_PAYLOAD_DEPTH} levels.")
        # Subclasses are left out with intent: JSON would give back something else.
        if type(value) is dict:
            for key, member in value.items():
                _check_key(path, key)
                self.visit(member_path(path, key), member, depth + 1)
        elif type(value) is list:
            for index, item in enumerate(value):
                self.visit(item_path(path, index), item, depth + 1)
        else:
            _check_scalar(path, value)


def _check_key(path: str, key: object) -> None:
    if type(key) is not str:
        raise InvalidCommand(path, "has a key that is not text.")
    check_text(member_path(path, key), key)


def _check_scalar(path: str, value: object) -> None:
    if value is None or type(value) is bool:
        return
    if type(value) is str:
        check_text(path, value)
    elif type(value) is int:
        if not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
            raise InvalidCommand(path, "is an integer of more than 64 bits.")
    elif type(value) is float:
        if not isfinite(value):
            raise InvalidCommand(path, "is a number that JSON does not have.")
    else:
        raise InvalidCommand(path, f"is a {type(value).__name__}, which JSON does not have.")


def check_text(path: str, text: str) -> int:
    """The size of the text in bytes of UTF-8.

    Raises:
        InvalidCommand: it holds what no UTF-8 or no Postgres text can.
    """
    if "\0" in text:
        raise InvalidCommand(path, "holds a NUL character, which the store cannot keep.")
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidCommand(path, "holds half of a surrogate pair, which is no character.") from error
