"""Rows of the databases that Turnlog replaces, and what becomes of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from msgspec import Struct

from app.operations.transfer.histories import History, PastCommand
from app.operations.transfer.legacy.columns import tables_of
from app.operations.transfer.legacy.identity import Identity
from app.operations.transfer.legacy.mapping import RawSession, Terms, history_of
from app.operations.transfer.legacy.repairs import Notes, Repair
from app.operations.transfer.legacy.rows import Row
from domain.conversation import commands as c
from tests.support.decider import TENANT_ID, numbered_uuid

SESSION_ID: Final = numbered_uuid(0x5E55)
SESSION: Final = (
    *("id", "user_id", "session_start", "session_end", "is_active", "metadata", "created_at"),
    *("started_at", "ended_at", "duration_seconds", "last_activity_at", "ended_reason", "mood"),
)
"""Both shapes at once, and a column that nobody knows."""

MESSAGE: Final = ("id", "session_id", "user_id", "role", "content", "audio_url", "metadata", "created_at", "mood")

CLOSED_BEFORE: Final = datetime(2026, 6, 1, tzinfo=UTC)
"""Sessions that were never closed and whose last activity is before it are closed."""

START: Final = "2024-01-01 10:00:00"


def at(clock: str) -> datetime:
    """That time of the day on which the sessions of these tests are held."""
    return datetime.fromisoformat(f"2024-01-01 {clock}+00:00")


def session_row(**values: str | None) -> Row:
    """A row of the sessions' table: one that was held from 10:00 to 10:30, unless told otherwise."""
    return {"id": SESSION_ID, "user_id": "ada", "started_at": START, "ended_at": "2024-01-01 10:30:00", **values}


def message_row(
    number: int, clock: str | None, role: str | None = "user", content: str = "Hello", **values: str
) -> Row:
    """A row of the messages' table."""
    created_at = f"2024-01-01 {clock}" if clock else None
    known = {"id": str(number), "session_id": SESSION_ID, "user_id": "ada", "role": role, "content": content}
    return {**known, "created_at": created_at, **values}


class Imported(Struct, frozen=True, kw_only=True):
    """What became of the rows of one session."""

    history: History
    notes: Mapping[Repair, list[str]]

    @property
    def start(self) -> PastCommand:
        return self.history.commands[0]

    @property
    def end(self) -> PastCommand | None:
        ends = [past for past in self.history.commands if isinstance(past.command, c.EndConversation)]
        return ends[0] if ends else None

    @property
    def ended_at(self) -> datetime | None:
        return self.end.occurred_at if self.end else None

    @property
    def ended_reason(self) -> str | None:
        command = self.end.command if self.end else None
        return command.ended_reason if isinstance(command, c.EndConversation) else None

    @property
    def said(self) -> list[PastCommand]:
        """The commands of messages, in order."""
        edges = (c.StartConversation, c.EndConversation)
        return [past for past in self.history.commands if not isinstance(past.command, edges)]


def terms() -> Terms:
    """How the tests read."""
    return Terms(
        tables=tables_of(SESSION, MESSAGE),
        identity=Identity(tenant_id=TENANT_ID, source="legacy"),
        zone=UTC,
        keep_open_since=CLOSED_BEFORE,
    )


def imported(sessions: Sequence[Row], messages: Sequence[Row] = (), legacy_id: str = SESSION_ID) -> Imported:
    """One session, by the rules."""
    notes = Notes()
    raw = RawSession(legacy_id=legacy_id, sessions=sessions, messages=messages)
    history = history_of(raw, terms(), notes)
    by_rule: dict[Repair, list[str]] = {}
    for repair, legacy_id_of_note in notes.found:
        by_rule.setdefault(repair, []).append(legacy_id_of_note)
    return Imported(history=history, notes=by_rule)


def started_with(result: Imported) -> c.StartConversation:
    """The first command."""
    command = result.start.command
    assert isinstance(command, c.StartConversation)
    return command


def content_of(command: c.Command) -> str:
    """What the command says."""
    assert isinstance(command, c.SubmitUserMessage | c.CompleteResponse | c.RecordMessage)
    return command.content


def metadata_of(command: c.Command) -> dict[str, str]:
    """What the command of a message carries."""
    assert isinstance(command, c.SubmitUserMessage | c.CompleteResponse | c.RecordMessage)
    return command.metadata


async def rows_of(*rows: Row, legacy_id: str = SESSION_ID) -> AsyncIterator[tuple[str, Row]]:
    """Rows of one session, as a database gives them."""
    for row in rows:
        yield legacy_id, row


_TIMES: Final = st.one_of(
    st.none(),
    st.integers(-86_400, 86_400).map(lambda seconds: str(datetime.fromisoformat(START) + timedelta(seconds=seconds))),
    st.datetimes(timezones=st.sampled_from([UTC, None])).map(str),
    st.sampled_from(["infinity", "-infinity", "0044-03-15 00:00:00 BC", "1704103200", "1704103200000.5", "soon", ""]),
)
_TEXTS: Final = st.one_of(st.none(), st.sampled_from(["", "  ", "x" * 600, "long " * 8_000]), st.text(max_size=20))
_METADATA: Final = st.one_of(
    st.none(),
    st.sampled_from(["{}", "null", "[1]", "7", "{", '{"a": {"b": [1, null]}, "": 1}', '{"n": 1e999, "s": "\\ud800"}']),
    st.dictionaries(st.text(max_size=80), st.text(max_size=20), max_size=20).map(lambda d: str(d).replace("'", '"')),
)
_ROLES: Final = st.sampled_from(
    ["user", "User", "human", "assistant", "agent", "bot", "system", "tool", "ghost", "", None]
)
_IDS: Final = st.one_of(st.integers(1, 9).map(str), st.sampled_from([numbered_uuid(1), numbered_uuid(2), "m-1", None]))


def messy_sessions() -> st.SearchStrategy[list[Row]]:
    """No row, one or two of the sessions' table, with anything in them."""
    row = st.fixed_dictionaries(
        {
            "id": st.just(SESSION_ID),
            "user_id": _TEXTS,
            **dict.fromkeys(("session_start", "session_end", "started_at", "ended_at", "created_at"), _TIMES),
            "duration_seconds": st.sampled_from(
                [None, "0", "12.5", "-3", "00:01:00", "1 day 02:00:00", "1e300", "ages"]
            ),
            "is_active": st.sampled_from([None, "true", "f", "maybe"]),
            "ended_reason": st.sampled_from([None, "user_ended", "hung up", "w" * 3_000]),
            "metadata": _METADATA,
            "mood": _TEXTS,
        }
    )
    return st.lists(row, max_size=2)


def messy_messages() -> st.SearchStrategy[list[Row]]:
    """Rows of the messages' table, with anything in them."""
    row = st.fixed_dictionaries(
        {
            "id": _IDS,
            "session_id": st.just(SESSION_ID),
            "user_id": _TEXTS,
            "role": _ROLES,
            "content": _TEXTS,
            "audio_url": _TEXTS,
            "metadata": _METADATA,
            "created_at": _TIMES,
            "mood": _TEXTS,
        }
    )
    return st.lists(row, max_size=8)
