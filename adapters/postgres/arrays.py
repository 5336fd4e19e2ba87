"""Columns of values as array literals.

A page binds some thousands of values. One join for each column is several times faster than adapting value by value.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

_NULL = "NULL"
_encoder = msgspec.json.Encoder()


def plain_array(values: Iterable[object]) -> str:
    """Of ids, numbers, truth values and words of our own: nothing in them needs quoting. None becomes NULL."""
    return "{" + ",".join([_NULL if value is None else str(value) for value in values]) + "}"


def time_array(values: Iterable[datetime | None]) -> str:
    """Of times with their time zone."""
    return "{" + ",".join([_NULL if value is None else f'"{value.isoformat()}"' for value in values]) + "}"


def text_array(values: Iterable[str | None]) -> str:
    """Of any text; an empty one stays an empty one."""
    return "{" + ",".join([_NULL if value is None else _quoted(value) for value in values]) + "}"


def json_array(values: Iterable[object]) -> str:
    """Of what JSON can carry. None becomes NULL, not the JSON null."""
    return "{" + ",".join([_NULL if value is None else _quoted_json(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quoted_json(value: object) -> str:
    # Most metadata is empty.
    return _quoted(_encoder.encode(value).decode()) if value else '"{}"'
