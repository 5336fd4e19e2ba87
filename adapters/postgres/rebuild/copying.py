"""Rows as COPY reads them in its text format, and into which columns they go.

Each list of columns names every column that the table does not compute by itself.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from projections.rows import MessageRow, SessionRow

_NULL: Final = "\\N"
_encoder = msgspec.json.Encoder()

Encoder = Callable[[Iterable[Any]], Iterable[str]]
Columns = dict[str, tuple[Encoder, Callable[[Any], Any]]]


def _plain(values: Iterable[object]) -> Iterable[str]:
    """Ids, numbers, times, truth values and words of our own: nothing in them needs escaping."""
    return [_NULL if value is None else str(value) for value in values]


def _text(values: Iterable[str | None]) -> Iterable[str]:
    return [_NULL if value is None else _escaped(value) for value in values]


def _escaped(value: str) -> str:
    # Looking for each is several times faster than translating, and most texts have none.
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "\n" in value:
        value = value.replace("\n", "\\n")
    if "\t" in value:
        value = value.replace("\t", "\\t")
    if "\r" in value:
        value = value.replace("\r", "\\r")
    return value


def _json(values: Iterable[object]) -> Iterable[str]:
    # Most metadata is empty. The encoder escapes line breaks itself, so backslashes are all there is to escape.
    return [_encoder.encode(value).decode().replace("\\", "\\\\") if value else "{}" for value in values]


def _columns(**encoders: Encoder) -> Columns:
    return {name: (encoder, attrgetter(name)) for name, encoder in encoders.items()}


def _usage(name: str) -> Callable[[MessageRow], Any]:
    return lambda row: None if row.usage is None else getattr(row.usage, name)


SESSION_COLUMNS: Final = _columns(
    id=_plain,
    tenant_id=_plain,
    user_id=_text,
    agent=_text,
    channel=_text,
    language=_text,
    parent_id=_plain,
    policies=_json,
    metadata=_json,
    state=_plain,
    started_at=_plain,
    created_at=_plain,
    last_activity_at=_plain,
    version=_plain,
    ended_at=_plain,
    ended_reason=_plain,
    ended_detail=_text,
    message_count=_plain,
    turn_count=_plain,
    answered=_plain,
    can_resume=_plain,
    open_tool_calls=_plain,
    fault_code=_text,
    fault_message=_text,
    fault_retryable=_plain,
)
MESSAGE_COLUMNS: Final = {
    **_columns(
        id=_plain,
        session_id=_plain,
        tenant_id=_plain,
        user_id=_text,
        role=_plain,
        content=_text,
        audio_url=_text,
        metadata=_json,
        created_at=_plain,
        turn=_plain,
        version=_plain,
        interrupted=_plain,
        heard_text=_text,
        audio_start_ms=_plain,
        audio_end_ms=_plain,
        language=_text,
        confidence=_plain,
        speaker_id=_text,
        spoken_at=_plain,
        late=_plain,
        response_id=_text,
        model=_text,
        provider=_text,
        finish_reason=_text,
    ),
    **{
        name: (_plain, _usage(name))
        for name in (
            "input_tokens",
            "output_tokens",
            "cached_input_tokens",
            "input_audio_tokens",
            "output_audio_tokens",
        )
    },
    **_columns(feedback_rating=_plain, feedback_comment=_text, corrected_at=_plain, conversation_language=_text),
}


def copy_text(columns: Columns, rows: Sequence[SessionRow] | Sequence[MessageRow]) -> bytes:
    """The rows in COPY's text format."""
    encoded = [_encoded(encoder, list(map(getter, rows))) for encoder, getter in columns.values()]
    return "".join(["\t".join(row) + "\n" for row in zip(*encoded, strict=True)]).encode()


def _encoded(encoder: Encoder, values: list[Any]) -> Iterable[str]:
    # Many columns are seldom used, and counting is several times faster than encoding.
    return [_NULL] * len(values) if values.count(None) == len(values) else encoder(values)


async def copy_rows(
    connection: AsyncConnection[TupleRow],
    table: str,
    columns: Columns,
    rows: Sequence[SessionRow] | Sequence[MessageRow],
) -> None:
    """Add the rows to the table."""
    if not rows:
        return
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), SQL(", ").join(map(Identifier, columns)))
    async with connection.cursor().copy(statement) as copy:
        await copy.write(copy_text(columns, rows))
