"""The rows of an INSERT, without running it: a dump is data, and what is in it must not be carried out."""

import re
import sys
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from adapters.postgres.legacy.errors import LegacyUnreadable

_NAME: Final = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_TABLE: Final = rf"(?:(?P<schema>{_NAME})\s*\.\s*)?(?P<table>{_NAME})"
_COLUMNS: Final = r'\((?P<columns>(?:"(?:[^"]|"")+"|[^)"])*)\)'
_CREATE: Final = re.compile(
    rf"CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_TABLE}\s*\((?P<body>.*)\)", re.IGNORECASE | re.DOTALL
)
_COPY: Final = re.compile(
    rf"COPY\s+{_TABLE}\s*(?:{_COLUMNS}\s*)?FROM\s+stdin(?P<options>.*);$", re.IGNORECASE | re.DOTALL
)
_ANY_COPY: Final = re.compile(r"COPY\b.*\bFROM\s+stdin\b", re.IGNORECASE | re.DOTALL)
_INSERT: Final = re.compile(
    rf"INSERT\s+INTO\s+{_TABLE}\s*(?:{_COLUMNS}\s*)?(?:OVERRIDING\s+\w+\s+VALUE\s+)?(?P<values>VALUES\s*)?",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"(?P<blank>\s+|--[^\n]*)|(?P<escaped>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*')|(?P<text>'[^']*(?:''[^']*)*')"
    r"|\$(?P<tag>(?:[A-Za-z_]\w*)?)\$(?P<dollars>.*?)\$(?P=tag)\$|(?P<number>[-+]?[\d.]+(?:[eE][-+]?\d+)?)"
    r'|(?P<cast>::\s*(?:"[^"]+"|[\w.]+)(?:\s+(?:with|without|time|zone|varying|precision)\b)*(?:\(\d+(?:,\d+)?\))?(?:\[\])?)'
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[(),;])",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)|''", re.DOTALL)
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LAST_ASCII: Final = 0x7F
_SURROGATES: Final = range(0xD800, 0xE000)
_CONSTRAINTS: Final = frozenset({"constraint", "primary", "unique", "check", "foreign", "exclude", "like"})

_TYPE_NAME: Final = "the name of a type"
"""Stands in front of a text, as in `timestamp '2024-01-01'`; alone it is no value."""

Values = tuple[str | None, ...]


class TableStatement(Struct, frozen=True, kw_only=True):
    """A statement about a table. `columns` are none where it does not name them."""

    schema: str | None
    table: str
    columns: tuple[str, ...] | None
    is_text_format: bool = True
    values_at: int = 0


def created_table(statement: str) -> TableStatement | None:
    """The table that the statement creates, if it does."""
    match = _CREATE.match(statement)
    return _about(match, tuple(_columns_of(match["body"]))) if match else None


def copied_table(statement: str) -> TableStatement | None:
    """The table whose data follows, if it does.

    Raises:
        LegacyUnreadable: data follows, and it is not clear of what.
    """
    match = _COPY.match(statement)
    if match is None:
        if _ANY_COPY.match(statement):
            raise LegacyUnreadable("The dump has a COPY that is not understood. Dump the tables again with pg_dump.")
        return None
    return _about(match, _names(match["columns"]), is_text_format=not match["options"].strip())


def inserted_table(statement: str) -> TableStatement | None:
    """The table that the statement has rows for, if it has."""
    match = _INSERT.match(statement)
    return _about(match, _names(match["columns"]), values_at=match.end() if match["values"] else 0) if match else None


def inserted_rows(statement: str, values_at: int) -> Iterator[Values]:
    """The rows of an INSERT, as text.

    Raises:
        LegacyUnreadable: a value is worked out instead of written.
    """
    if values_at == 0:
        raise _not_a_value("a query")
    row: list[str | None] | None = None
    value: str | None = None
    for kind, text in _tokens(statement, values_at):
        if row is None:
            if text == "(":
                row, value = [], None
            elif text not in (",", ";"):
                return  # ON CONFLICT, RETURNING
        elif text in (",", ")") and kind == "mark":
            if value is _TYPE_NAME:
                raise _not_a_value("a name")
            row.append(value)
            value = None
            if text == ")":
                yield tuple(row)
                row = None
        elif kind != "cast":
            value = _value(kind, text)


def _tokens(statement: str, position: int) -> Iterator[tuple[str, str]]:
    while position < len(statement):
        match = _TOKEN.match(statement, position)
        if match is None:
            raise _not_a_value(statement[position])
        position = match.end()
        kind = match.lastgroup or ""
        if kind != "blank":
            yield kind, match[kind] if kind == "dollars" else match[0]


def _value(kind: str, text: str) -> str | None:
    match kind:
        case "text":
            return text[1:-1].replace("''", "'")
        case "escaped":
            return _ESCAPE.sub(_unescaped, text[2:-1])
        case "number" | "dollars":
            return text
        case "word" if text.lower() in ("null", "default"):
            return None
        case "word" if text.lower() in ("true", "false"):
            return text
        case "word":
            return _TYPE_NAME
        case _:
            raise _not_a_value(text)


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape is None:
        return "'"
    if escape[0] in "uUx" and len(escape) > 1:
        return _character(int(escape[1:], 16), is_byte=escape[0] == "x")
    if escape[0] in "01234567":
        return _character(int(escape, 8), is_byte=True)
    return _ESCAPED.get(escape, escape)


def _character(code: int, *, is_byte: bool) -> str:
    """A byte above 127 would be a piece of a character in the encoding of a database that is not here."""
    if code > (_LAST_ASCII if is_byte else sys.maxunicode) or code == 0 or code in _SURROGATES:
        raise _not_a_value(f"\\{code:x}")
    return chr(code)


def _not_a_value(text: str) -> LegacyUnreadable:
    return LegacyUnreadable(
        f"A row of the dump has {text[:20]!r} where a value is expected. Only written values are read: dump the tables "
        "again with pg_dump."
    )


def _about(
    match: re.Match[str], columns: tuple[str, ...] | None, *, is_text_format: bool = True, values_at: int = 0
) -> TableStatement:
    return TableStatement(
        schema=_unquoted(match["schema"]) if match["schema"] else None,
        table=_unquoted(match["table"]),
        columns=columns,
        is_text_format=is_text_format,
        values_at=values_at,
    )


def _names(listed: str | None) -> tuple[str, ...] | None:
    return tuple(_unquoted(name) for name in re.findall(_NAME, listed)) if listed else None


def _columns_of(body: str) -> Iterator[str]:
    """The names of a table's columns: the first word of each part, unless the part is about several of them."""
    depth, is_first = 0, True
    for token in re.finditer(rf"'(?:[^']|'')*'|{_NAME}|[(),]", body):
        text = token[0]
        if is_first and depth == 0 and text.lower() not in _CONSTRAINTS:
            yield _unquoted(text)
        depth += (text == "(") - (text == ")")
        if depth < 0:
            return
        is_first = text == "," and depth == 0


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
