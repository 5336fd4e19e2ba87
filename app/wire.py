"""Reading JSON that callers sent: whatever is wrong with it becomes a refusal that names the field.

JSON that reads well may still hold what no database column can: NUL characters, which are looked for here.
"""

import re
from typing import Any, Final, TypeVar

import msgspec

from domain.conversation.errors import InvalidCommand

T = TypeVar("T")

BODY: Final = "body"
"""The `field` of a refusal that concerns the whole of what was sent."""

_PLACE: Final = re.compile(r"^(?P<reason>.*?)(?: - at `(?P<what>key in )?\$\.?(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"unknown field `(?P<field>[^`]*)`")
_MISSING_FIELD: Final = re.compile(r"missing required field `(?P<field>[^`]*)`")
_MAX_SHOWN_CHARACTERS: Final = 200


class MalformedJson(InvalidCommand):
    """What was sent is not JSON in UTF-8."""

    code = "malformed_json"


def decode(decoder: "msgspec.json.Decoder[T]", raw: str | bytes, prefix: str = "") -> T:
    """What was sent, as the decoder's type. `prefix` is where it stands in what was sent as a whole.

    Raises:
        InvalidCommand: `field` is the path of the culprit.
        MalformedJson: it cannot be read at all.
    """
    if _may_hold_nul(raw):
        _refuse_nul(raw, prefix)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), prefix) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MalformedJson(prefix or BODY, f"is not JSON in UTF-8: {error}.") from error
    except RecursionError as error:
        raise MalformedJson(prefix or BODY, "is nested too deeply.") from error


def _refusal(message: str, prefix: str) -> InvalidCommand:
    place = _PLACE.match(message)
    reason, path = (place["reason"], place["path"] or "") if place else (message, "")
    named = _UNKNOWN_FIELD.search(reason) or _MISSING_FIELD.search(reason)
    if named is not None:
        path = _joined(path, named["field"])
        reason = "is not a known field" if _UNKNOWN_FIELD.search(reason) else "is missing"
    else:
        reason = f"is wrong: {reason}"
    return InvalidCommand(_shown(_joined(prefix, path)) or BODY, f"{_shown(reason)}.")


def _may_hold_nul(raw: str | bytes) -> bool:
    return "\\u0000" in raw if isinstance(raw, str) else b"\\u0000" in raw


def _refuse_nul(raw: str | bytes, prefix: str) -> None:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return  # told better by the decoder of the type
    path = _path_of_nul(value, prefix)
    if path is not None:
        raise InvalidCommand(_shown(path) or BODY, "holds a NUL character, which cannot be stored.")


def _path_of_nul(value: Any, path: str) -> str | None:
    if isinstance(value, str):
        return path if "\0" in value else None
    children: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        children = [(_joined(path, key), (key, item)) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        children = [(path if isinstance(value, tuple) else f"{path}[{i}]", item) for i, item in enumerate(value)]
    found = (_path_of_nul(child, child_path) for child_path, child in children)
    return next((path for path in found if path is not None), None)


def _joined(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix and path and not path.startswith("[") else prefix + path


def _shown(text: str) -> str:
    """A caller's own words may be long or strange; an error repeats only what is short and printable."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= _MAX_SHOWN_CHARACTERS else printable[:_MAX_SHOWN_CHARACTERS] + "..."
