"""Which column of the older tables means what, whichever of their historic shapes they have."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

_SESSION_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("session_id", "conversation_id", "id"),
    "user_id": ("user_id",),
    "started_at": ("started_at", "session_start", "start_time"),
    "ended_at": ("ended_at", "session_end", "end_time"),
    "duration": ("duration_seconds", "duration"),
    "is_active": ("is_active", "active"),
    "status": ("status", "state"),
    "created_at": ("created_at",),
    "last_activity_at": ("last_activity_at", "last_activity", "last_message_at"),
    "ended_reason": ("ended_reason", "end_reason"),
    "agent": ("agent", "agent_id", "agent_name"),
    "channel": ("channel",),
    "language": ("language",),
    "metadata": ("metadata", "meta"),
}
_MESSAGE_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("message_id", "id"),
    "session_id": ("session_id", "conversation_id"),
    "user_id": ("user_id",),
    "role": ("role", "sender", "speaker"),
    "content": ("content", "message", "text"),
    "audio_url": ("audio_url",),
    "created_at": ("created_at", "timestamp", "sent_at"),
    "metadata": ("metadata", "meta"),
}
"""What a column means, and the names it has had. Of several the first that has a value counts."""

_ALL_USED: Final = frozenset({"started_at", "ended_at", "status", "metadata"})
"""Of other meanings the columns that come second may say something else: they are kept in the metadata too."""

_WORKED_OUT_ANEW: Final = frozenset({"message_count", "turn_count", "updated_at"})
_MARKS_OF_TURNLOG: Final = frozenset({"tenant_id", "policies", "version", "last_activity_at"})


class UnusableTables(Exception):
    """The tables cannot be imported; the sentence says why and what to do."""


class Columns(Struct, frozen=True, kw_only=True):
    """The columns of one table. `extra` go into the metadata, `left_out` are not imported."""

    meanings: dict[str, tuple[str, ...]]
    extra: tuple[str, ...]
    left_out: tuple[str, ...]

    def named(self, meaning: str) -> tuple[str, ...]:
        """The columns with this meaning, the one that counts first."""
        return self.meanings.get(meaning, ())


class Tables(Struct, frozen=True, kw_only=True):
    """Both tables of an older database."""

    sessions: Columns
    messages: Columns


def tables_of(session_columns: Sequence[str], message_columns: Sequence[str]) -> Tables:
    """What the columns of the two tables mean.

    Raises:
        UnusableTables: something that every import needs is not among them, or the tables are Turnlog's own.
    """
    if set(session_columns) >= _MARKS_OF_TURNLOG:
        raise UnusableTables(
            "The sessions' table is one of Turnlog's own, not one of the database that it replaces. Name the other "
            "database with --from-dsn, or the schema of the older tables with --schema."
        )
    sessions, messages = _sorted(session_columns, _SESSION_COLUMNS), _sorted(message_columns, _MESSAGE_COLUMNS)
    for table, columns, needed in (
        ("sessions", sessions, ("id",)),
        ("messages", messages, ("session_id", "content")),
    ):
        missing = [meaning for meaning in needed if not columns.named(meaning)]
        if missing:
            raise UnusableTables(
                f"The {table}' table has no column {' and no column '.join(missing)}, so its rows cannot be imported. "
                "Give the table's name where it is another one."
            )
    return Tables(sessions=sessions, messages=messages)


def _sorted(names: Sequence[str], known: dict[str, tuple[str, ...]]) -> Columns:
    meanings = {meaning: tuple(name for name in aliases if name in names) for meaning, aliases in known.items()}
    used = {
        name for meaning, columns in meanings.items() for name in (columns if meaning in _ALL_USED else columns[:1])
    }
    return Columns(
        meanings={meaning: columns for meaning, columns in meanings.items() if columns},
        extra=tuple(name for name in names if name not in used and name not in _WORKED_OUT_ANEW),
        left_out=tuple(name for name in names if name in _WORKED_OUT_ANEW),
    )
