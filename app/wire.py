"""Reading JSON that callers sent: whatever is wrong with it becomes a refusal that names the field.

JSON that reads well may still hold what no database column can: NUL characters, which are looked for here.
"""

import json
import re
from typing import Any, Final, TypeVar

import msgspec

from app.wire_culprits import culprit_key, holds_nul, holds_surrogate, joined, path_of_text, without_value
from domain.conversation.errors import InvalidCommand
from domain.conversation.field_paths import shown

T = TypeVar("T")

BODY: Final = "body"
"""The `field` of a refusal that concerns the whole of what was sent."""

_PLACE: Final = re.compile(r"^(?P<reason>.*?)(?: - at (?P<key>`key` in )?`\$\.?(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"unknown field `(?P<field>.*?)`(?: - at|$)", re.DOTALL)
_MISSING_FIELD: Final = re.compile(r"missing required field `(?P<field>[^`]*)`")
_ANY_KEY: Final = "[...]"


class MalformedJson(InvalidCommand):
    """What was sent is not JSON in UTF-8."""

    code = "malformed_json"


def decode(decoder: "msgspec.json.Decoder[T]", raw: str | bytes, prefix: str = "", *, has_raw_parts: bool = False) -> T:
    """What was sent, as the decoder's type. `prefix` is where it stands in what was sent as a whole.

    With `has_raw_parts` NUL characters are let pass: those parts are decoded, and refused, later.

    Raises:
        InvalidCommand: `field` is the path of the culprit.
        MalformedJson: it cannot be read at all.
    """
    try:
        if not has_raw_parts and _may_hold_nul(raw):
            _refuse_nul(raw, prefix)
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), decoder, raw, prefix) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _unreadable(raw, prefix, str(error)) from error
    except RecursionError as error:
        raise MalformedJson(prefix or BODY, "is nested too deeply.") from error


def _refusal(message: str, decoder: "msgspec.json.Decoder[Any]", raw: str | bytes, prefix: str) -> InvalidCommand:
    """Msgspec's sentence with the place in it made a path."""
    place = _PLACE.match(message)
    reason, path = (place["reason"], place["path"] or "") if place else (message, "")
    if unknown := _UNKNOWN_FIELD.search(message):
        return _invalid(joined(path, unknown["field"]), "is not a known field", prefix)
    if missing := _MISSING_FIELD.search(reason):
        return _invalid(joined(path, missing["field"]), "is missing", prefix)
    field, any_key, _ = path.partition(_ANY_KEY)
    if any_key or (place is not None and place["key"] is not None):
        path = culprit_key(raw, decoder.type, field, message)
    return _invalid(path, f"is wrong: {without_value(reason)}", prefix)


def _invalid(path: str, reason: str, prefix: str) -> InvalidCommand:
    return InvalidCommand(shown(joined(prefix, path)) or BODY, f"{shown(reason)}.")


def _unreadable(raw: str | bytes, prefix: str, reason: str) -> InvalidCommand:
    """Python's own reader takes half surrogates, so with it even they can be told by their field."""
    try:
        value = json.loads(raw if isinstance(raw, str) else raw.decode())
        path = path_of_text(value, prefix, holds_surrogate)
    except UnicodeDecodeError as error:
        return MalformedJson(prefix or BODY, f"is not JSON in UTF-8: byte {error.start} is wrong.")
    except (ValueError, RecursionError):
        path = None
    if path is None:
        return MalformedJson(prefix or BODY, f"is not JSON in UTF-8: {shown(reason)}.")
    return InvalidCommand(shown(path) or BODY, "holds half of a surrogate pair, which is no character.")


def _may_hold_nul(raw: str | bytes) -> bool:
    return "\\u0000" in raw if isinstance(raw, str) else b"\\u0000" in raw


def _refuse_nul(raw: str | bytes, prefix: str) -> None:
    path = path_of_text(msgspec.json.decode(raw), prefix, holds_nul)
    if path is not None:
        raise InvalidCommand(shown(path) or BODY, "holds a NUL character, which cannot be stored.")
