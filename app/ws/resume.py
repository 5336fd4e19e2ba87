"""What a client that comes (back) is owed: everything after its cursor in order, or a snapshot and no pretence."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from app.queries import MAX_VERSION, InvalidQuery
from app.ws.frames import Frames, durable_frames
from app.ws.protocol import (
    MAX_REPLAY_EVENTS,
    SNAPSHOT_MAX_BYTES,
    SNAPSHOT_MESSAGES,
    OpenInterim,
    Resume,
    ResumeOutcome,
    Snapshot,
    SnapshotMessage,
)
from domain.conversation.conversation import Conversation, allowed, status
from domain.conversation.evolution import fold
from projections.rows import MessageRow
from projections.snapshots import History

MAX_CURSOR_DIGITS: Final = 19


class Cursor(Struct, frozen=True):
    """Where the client says it is; `after` is null for one that has nothing."""

    after: int | None
    epoch: str | None


def cursor_of(after: str | None, epoch: str | None, number: str) -> Cursor:
    """Where the client says it is; `number` is what it goes by, `seq` or `position`.

    Raises:
        InvalidQuery: nobody can be there.
    """
    if not after:
        return Cursor(None, epoch)
    is_number = after.isascii() and after.isdecimal() and len(after) <= MAX_CURSOR_DIGITS
    if not is_number or int(after) > MAX_VERSION:
        raise InvalidQuery("after", f"must be the `{number}` of the last message received, a whole number from 0.")
    return Cursor(int(after), epoch)


class Catchup(Struct, frozen=True):
    """What to send before the live messages. Either a replay, the frames of each event, or a snapshot."""

    conversation: Conversation
    resume: Resume
    replay: Sequence[Frames]
    snapshot: Snapshot | None


def catch_up(history: History, cursor: Cursor, epoch: str, interims: tuple[OpenInterim, ...] = ()) -> Catchup:
    """A replay is complete or declared a gap; it is never partial.

    `history` begins at or before a cursor that can be replayed; `interims` is what is being said at this moment.
    """
    head = history.head
    if cursor.after is None or not can_replay(cursor, head, epoch):
        outcome: ResumeOutcome = "fresh" if cursor.after is None else "gap"
        resume = Resume(outcome=outcome, after=head, head=head, epoch=epoch, replay_count=0)
        conversation = history.conversation()
        return Catchup(conversation, resume, (), _snapshot(conversation, history.messages(), interims))
    missed = [recorded for recorded in history.events if recorded.version > cursor.after]
    conversation = fold(history.base.conversation, history.events[: len(history.events) - len(missed)])
    replay: list[Frames] = []
    for recorded in missed:
        before, conversation = conversation, fold(conversation, (recorded,))
        replay.append(durable_frames(recorded, before, conversation, epoch))
    count = sum(len(frames.texts) for frames in replay)
    resume = Resume(outcome="resumed", after=cursor.after, head=head, epoch=epoch, replay_count=count)
    return Catchup(conversation, resume, replay, None)


def can_replay(cursor: Cursor, head: int, epoch: str) -> bool:
    """Whether everything after the cursor can be sent, one by one."""
    if cursor.after is None or cursor.epoch not in (None, epoch):
        return False
    return cursor.after <= head <= cursor.after + MAX_REPLAY_EVENTS


def _snapshot(
    conversation: Conversation, messages: Sequence[MessageRow], interims: tuple[OpenInterim, ...]
) -> Snapshot:
    return Snapshot(
        from_state=conversation.state,
        to=conversation.state,
        status=status(conversation),
        reason="snapshot",
        turn=conversation.turn,
        allowed=allowed(conversation),
        as_of_seq=conversation.version,
        messages=tuple(_shown(row) for row in _recent(messages)),
        interims=interims,
    )


def _recent(rows: Sequence[MessageRow]) -> Sequence[MessageRow]:
    """The last ones, as many as fit: usual clients refuse a frame of more than a MiB."""
    room_bytes = SNAPSHOT_MAX_BYTES
    for count, row in enumerate(reversed(rows)):
        room_bytes -= len(row.content.encode())
        if count == SNAPSHOT_MESSAGES or room_bytes < 0:
            return rows[len(rows) - count :]
    return rows


def _shown(row: MessageRow) -> SnapshotMessage:
    return SnapshotMessage(
        message_id=row.id,
        role=row.role,
        text=row.content,
        seq=row.version,
        interrupted=row.interrupted,
        heard_text=row.heard_text,
    )
