"""Where in JSON that was sent the thing is that is wrong with it."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

_QUOTED_VALUE: Final = re.compile(r"^(?P<kind>Invalid (?:enum )?value) .*", re.DOTALL)


def path_of_text(value: Any, path: str, is_wrong: Callable[[str], bool]) -> str | None:
    """The path of the first text or key that is wrong. Raises RecursionError where the nesting is absurd."""
    if isinstance(value, str):
        return path if is_wrong(value) else None
    if isinstance(value, list):
        for index, item in enumerate(value):
            if found := path_of_text(item, f"{path}[{index}]", is_wrong):
                return found
    elif isinstance(value, dict):
        for key, item in value.items():
            place = joined(path, key)
            if is_wrong(key):
                return place
            if found := path_of_text(item, place, is_wrong):
                return found
    return None


def culprit_key(raw: str | bytes, wanted: Any, field: str, message: str) -> str:
    """The path of the key that is at fault in the dictionary of a field, of which msgspec does not say which.

    Each entry is tried alone, without the other fields, so that many cost little: the one that gives the same message
    is it. Where none does, the field is what there is to say.
    """
    try:
        fields = json.loads(raw)  # takes numbers of any size, of which msgspec says the same again
    except (ValueError, RecursionError):
        return field
    entries = fields.get(field) if isinstance(fields, dict) else None
    if not isinstance(entries, dict):
        return field
    for key, value in entries.items():
        try:
            msgspec.convert({field: {key: value}}, wanted)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return joined(field, key)
    return field


def joined(prefix: str, path: str) -> str:
    """The path within the prefix."""
    return f"{prefix}.{path}" if prefix and path and not path.startswith("[") else prefix + path


def holds_nul(text: str) -> bool:
    """What no column of Postgres can keep."""
    return "\0" in text


def holds_surrogate(text: str) -> bool:
    """What no UTF-8 can carry."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def without_value(reason: str) -> str:
    """Msgspec's sentence without what was sent: an answer or log repeats nothing that somebody may have said."""
    return _QUOTED_VALUE.sub(r"\g<kind>", reason)
