"""Rows of the older tables, read: what they say, without what they are called."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final, TypeVar

from msgspec import Struct

from app.operations.transfer.legacy.columns import Columns
from app.operations.transfer.legacy.metadata import PREFIX, Pair, clean, extra_pairs, pairs_of
from app.operations.transfer.legacy.repairs import Notes, Repair
from app.operations.transfer.legacy.values import duration_of, flag_of, is_active_status, time_of

Row = Mapping[str, str | None]
"""A row as the database writes it: every value as text."""

MAX_IDENTIFIER_CHARACTERS: Final = 255
MAX_NAME_CHARACTERS: Final = 128
MAX_LANGUAGE_CHARACTERS: Final = 35
MAX_URL_CHARACTERS: Final = 2_048

_IN_BOTH_SETS: Final = ("started_at", "ended_at")

V = TypeVar("V")


class LegacySession(Struct, frozen=True, kw_only=True):
    """What the rows of one session say. `metadata` is not fitted yet."""

    legacy_id: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration: timedelta | None = None
    is_active: bool | None = None
    created_at: datetime | None = None
    last_activity_at: datetime | None = None
    ended_reason: str | None = None
    user_id: str | None = None
    agent: str | None = None
    channel: str | None = None
    language: str | None = None
    metadata: list[Pair] = []


class LegacyMessage(Struct, frozen=True, kw_only=True):
    """What the row of a message says. `legacy_id` is none where the table has no ids; `metadata` is not fitted yet."""

    legacy_id: str | None
    at: datetime | None
    role: str | None
    content: str
    user_id: str | None = None
    audio_url: str | None = None
    metadata: list[Pair] = []


class Reader:
    """Reads rows of one table. Times without an offset are taken in `zone`."""

    def __init__(self, columns: Columns, zone: tzinfo, notes: Notes) -> None:
        self._columns = columns
        self._zone = zone
        self._notes = notes

    def session(self, legacy_id: str, rows: Sequence[Row]) -> LegacySession:
        """The session that the rows are about; of several rows the first value of each column counts."""
        if len(rows) > 1:
            self._notes.note(Repair.SESSION_REPEATED, legacy_id)
        spare: list[Pair] = []
        return LegacySession(
            legacy_id=legacy_id,
            started_at=self._time(rows, "started_at", legacy_id),
            ended_at=self._time(rows, "ended_at", legacy_id),
            duration=self._duration(rows, legacy_id),
            is_active=self._is_active(rows),
            created_at=self._time(rows, "created_at", legacy_id),
            last_activity_at=self._time(rows, "last_activity_at", legacy_id),
            ended_reason=self._text(rows, "ended_reason"),
            user_id=self._short(rows, "user_id", MAX_IDENTIFIER_CHARACTERS, legacy_id, spare),
            agent=self._short(rows, "agent", MAX_IDENTIFIER_CHARACTERS, legacy_id, spare),
            channel=self._short(rows, "channel", MAX_NAME_CHARACTERS, legacy_id, spare),
            language=self._short(rows, "language", MAX_LANGUAGE_CHARACTERS, legacy_id, spare),
            metadata=[*self._metadata(rows, legacy_id), *spare],
        )

    def message(self, row: Row, session_id: str) -> LegacyMessage:
        """The message of the row. Notes name its own id, or its session's where it has none."""
        legacy_id = self._text([row], "id")
        name = legacy_id or session_id
        spare: list[Pair] = []
        content = self._content(row)
        if not content:
            self._notes.note(Repair.CONTENT_EMPTY, name)
        return LegacyMessage(
            legacy_id=legacy_id,
            at=self._time([row], "created_at", name),
            role=self._text([row], "role"),
            content=clean(content, self._notes, name),
            user_id=self._short([row], "user_id", MAX_IDENTIFIER_CHARACTERS, name, spare),
            audio_url=self._short([row], "audio_url", MAX_URL_CHARACTERS, name, spare),
            metadata=[*self._metadata([row], name), *spare],
        )

    def names_session(self, row: Row) -> bool:
        """Whether the message says to which session it belongs."""
        return self._text([row], "session_id") is not None

    def _texts(self, rows: Sequence[Row], meaning: str) -> list[str]:
        values = [row.get(column) for column in self._columns.named(meaning) for row in rows]
        return [value for value in values if value is not None and value.strip()]

    def _text(self, rows: Sequence[Row], meaning: str) -> str | None:
        text = next(iter(self._texts(rows, meaning)), None)
        return text.strip() if text else None

    def _content(self, row: Row) -> str:
        """As it is, with all of its spaces."""
        values = (row.get(column) for column in self._columns.named("content"))
        return next((value for value in values if value), "")

    def _time(self, rows: Sequence[Row], meaning: str, legacy_id: str) -> datetime | None:
        times = self._read(rows, meaning, lambda text: time_of(text, self._zone))
        if times is None:
            self._notes.note(Repair.TIME_UNREADABLE, legacy_id)
            return None
        if meaning in _IN_BOTH_SETS and len(rows) == 1 and len(set(times)) > 1:
            self._notes.note(Repair.BOTH_COLUMN_SETS, legacy_id)
        return times[0] if times else None

    def _duration(self, rows: Sequence[Row], legacy_id: str) -> timedelta | None:
        durations = self._read(rows, "duration", duration_of)
        if durations is None or (durations and durations[0] < timedelta(0)):
            self._notes.note(Repair.DURATION_UNUSABLE, legacy_id)
            return None
        return durations[0] if durations else None

    def _is_active(self, rows: Sequence[Row]) -> bool | None:
        flags = self._read(rows, "is_active", flag_of) or self._read(rows, "status", is_active_status)
        return flags[0] if flags else None

    def _read(self, rows: Sequence[Row], meaning: str, read: Callable[[str], V | None]) -> list[V] | None:
        """What can be read of the values; None where there are some and none can be."""
        texts = self._texts(rows, meaning)
        values = [value for text in texts if (value := read(text)) is not None]
        return None if texts and not values else values

    def _short(
        self, rows: Sequence[Row], meaning: str, max_characters: int, legacy_id: str, spare: list[Pair]
    ) -> str | None:
        """A text that must not be longer; what is goes among the spare ones."""
        text = self._text(rows, meaning)
        if text is not None and len(text) > max_characters:
            self._notes.note(Repair.VALUE_TOO_LONG, legacy_id)
            spare.append((f"{PREFIX}{meaning}", text))
            return None
        return clean(text, self._notes, legacy_id) if text else None

    def _metadata(self, rows: Sequence[Row], legacy_id: str) -> list[Pair]:
        columns = self._columns.named("metadata")
        own = [pair for row in rows for column in columns for pair in pairs_of(row.get(column), self._notes, legacy_id)]
        return [*own, *(pair for row in rows for pair in extra_pairs(row, self._columns.extra))]
