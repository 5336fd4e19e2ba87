"""Text of other people, made fit for one line of a terminal."""

import unicodedata
from datetime import datetime
from typing import Any, Final

import msgspec

MAX_DATA_CHARACTERS: Final = 200
NO_TIME: Final = "--:--:--"

_TURNS_AROUND: Final = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def printable(text: str) -> str:
    """On one line, and without a character that commands the terminal or turns the line around."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_printable, text))


def words(value: Any) -> str:
    """Whatever a payload has where a text is expected."""
    if value is None:
        return ""
    return printable(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def shortened(value: Any) -> str:
    """The same, where the beginning is enough."""
    text = words(value)
    return text if len(text) <= MAX_DATA_CHARACTERS else f"{text[:MAX_DATA_CHARACTERS]}…"


def objects_in(payload: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list, if it is one."""
    values = payload.get(name)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def time_of_day(ts: str | None) -> str:
    """In the time of this place."""
    moment = moment_of(ts)
    return NO_TIME if moment is None else f"{moment.astimezone():%H:%M:%S}"


def moment_of(ts: str | None) -> datetime | None:
    """The time, if it is one."""
    try:
        moment = datetime.fromisoformat(ts or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _printable(character: str) -> str:
    if character == "\n":
        return " ⏎ "
    if character == "\t":
        return " "
    if character in _TURNS_AROUND or unicodedata.category(character) in ("Cc", "Zl", "Zp"):
        return "\N{REPLACEMENT CHARACTER}"
    return character
