"""Whether the rows of conversations are what their events say: projected anew, and folded by the domain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import asdict

from domain.conversation.conversation import Conversation, allowed, status
from domain.conversation.evolution import fold
from domain.ids import ConversationId, MessageId
from domain.ports import RecordedEvent
from projections.rows import MessageRow, SessionRow, conversation_of
from projections.whole import whole_rows

Key = tuple[ConversationId, MessageId | None]


class Evidence(Struct, frozen=True, kw_only=True):
    """Some conversations at one moment: their events as far as the tables have come, and their rows.

    `parked` are conversations whose rows are known to stand still; they are not judged. `last_id` is where the next
    evidence begins, None when this is the end.
    """

    events: Sequence[RecordedEvent]
    sessions: Sequence[SessionRow]
    messages: Sequence[MessageRow]
    parked: frozenset[ConversationId] = frozenset()
    last_id: ConversationId | None = None


class Difference(Struct, frozen=True, kw_only=True):
    """A column that differs, or with the column "row" a row that one side has alone; then the other side is None."""

    conversation_id: ConversationId
    message_id: MessageId | None = None
    table: str
    column: str
    expected: object
    found: object


class EvidenceSource(Protocol):
    """Where conversations can be looked at as they are at a moment. Every method raises `StoreUnavailable`."""

    async def after(self, conversation_id: ConversationId | None) -> Evidence:
        """The next conversations, and rows that no event belongs to, in the order of their ids."""
        ...

    async def of(self, conversation_id: ConversationId) -> Evidence:
        """This one."""
        ...

    async def sample(self, count: int) -> Sequence[ConversationId]:
        """About so many conversations, chosen by events at random."""
        ...

    async def count(self) -> int:
        """About how many conversations there are."""
        ...


def differences(evidence: Evidence) -> Iterator[Difference]:
    """What is not as it should be, conversation by conversation; nothing when rows and events agree."""
    judged = [recorded for recorded in evidence.events if recorded.conversation_id not in evidence.parked]
    rows = whole_rows(judged)
    yield from _rows_differ(
        "conversation_sessions",
        {(row.id, None): row for row in rows.sessions},
        {(row.id, None): row for row in evidence.sessions if row.id not in evidence.parked},
    )
    yield from _rows_differ(
        "conversation_messages",
        {(row.session_id, row.id): row for row in rows.messages},
        {(row.session_id, row.id): row for row in evidence.messages if row.session_id not in evidence.parked},
    )
    yield from _fold_differs(judged, {row.id: row for row in evidence.sessions})


def _rows_differ(
    table: str, expected: Mapping[Key, SessionRow | MessageRow], found: Mapping[Key, SessionRow | MessageRow]
) -> Iterator[Difference]:
    for key in sorted(expected.keys() | found.keys(), key=lambda key: (key[0], key[1] or "")):
        one, other = expected.get(key), found.get(key)
        if one == other:
            continue
        if one is None or other is None:
            columns: dict[str, tuple[object, object]] = {"row": (_presence(one), _presence(other))}
        else:
            columns = _columns_that_differ(asdict(one), asdict(other))
        for column, (wanted, there) in columns.items():
            yield Difference(
                conversation_id=key[0], message_id=key[1], table=table, column=column, expected=wanted, found=there
            )


def _presence(row: SessionRow | MessageRow | None) -> str | None:
    return None if row is None else "a row"


def _columns_that_differ(expected: dict[str, object], found: dict[str, object]) -> dict[str, tuple[object, object]]:
    return {name: (value, found[name]) for name, value in expected.items() if value != found[name]}


def _fold_differs(events: Sequence[RecordedEvent], sessions: dict[ConversationId, SessionRow]) -> Iterator[Difference]:
    """The domain knows nothing of rows: what it folds the events to is the second witness."""
    histories: dict[ConversationId, list[RecordedEvent]] = {}
    for recorded in events:
        histories.setdefault(recorded.conversation_id, []).append(recorded)
    for conversation_id, history in histories.items():
        row = sessions.get(conversation_id)
        if row is None:
            continue
        conversation = fold(Conversation(id=conversation_id, tenant_id=history[0].tenant_id), history)
        for column, (wanted, there) in _columns_that_differ(_of_fold(conversation), _of_row(row)).items():
            yield Difference(
                conversation_id=conversation_id, table="the fold", column=column, expected=wanted, found=there
            )


def _of_fold(conversation: Conversation) -> dict[str, object]:
    return {
        "tenant_id": conversation.tenant_id,
        "version": conversation.version,
        "state": conversation.state,
        "status": status(conversation),
        "allowed": allowed(conversation),
        "turn_count": conversation.turn,
        "message_count": conversation.message_count,
        "user_id": conversation.user_id,
        "metadata": conversation.metadata,
        "started_at": conversation.started_at,
        "ended_at": conversation.ended_at,
        "is_active": conversation.is_active,
        "duration_seconds": conversation.duration_seconds,
    }


def _of_row(row: SessionRow) -> dict[str, object]:
    seen = conversation_of(row)
    return {
        "tenant_id": row.tenant_id,
        "version": row.version,
        "state": row.state,
        "status": status(seen),
        "allowed": allowed(seen),
        "turn_count": row.turn_count,
        "message_count": row.message_count,
        "user_id": row.user_id,
        "metadata": row.metadata,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "is_active": row.is_active,
        "duration_seconds": row.duration_seconds,
    }
