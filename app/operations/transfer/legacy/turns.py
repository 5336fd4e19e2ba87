"""The messages of a conversation as the commands that record them: turns where their order allows it."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

from app.operations.transfer.histories import PastCommand
from app.operations.transfer.legacy.identity import Identity, is_canonical
from app.operations.transfer.legacy.metadata import PREFIX, Pair, fitted
from app.operations.transfer.legacy.repairs import Notes, Repair
from app.operations.transfer.legacy.rows import LegacyMessage
from app.operations.transfer.legacy.timeline import Ending, Timed
from domain.conversation import commands as c
from domain.conversation.limits import MAX_CONTENT_BYTES
from domain.conversation.values import Metadata, Role
from domain.ids import ConversationId, MessageId

ROLES: Final[dict[str, Role]] = {
    "user": "user",
    "human": "user",
    "customer": "user",
    "caller": "user",
    "client": "user",
    "assistant": "assistant",
    "agent": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "developer",
    "tool": "tool",
    "function": "tool",
}
"""The roles that older rows name, in any case of letters."""

ROLE_OF_UNKNOWN: Final[Role] = "user"
"""Whoever it was, the words get no more weight than a user's when a conversation is handed to a model."""


class Piece(Struct, frozen=True, kw_only=True):
    """A message, or a part of one that was too long, ready to be recorded."""

    timed: Timed
    role: Role | None
    message_id: MessageId
    content: str
    metadata: Metadata
    is_first: bool = True


class TurnWriter:
    """Makes the commands of one conversation. `user_id` is the conversation's."""

    def __init__(self, identity: Identity, conversation_id: ConversationId, user_id: str | None, notes: Notes) -> None:
        self._identity = identity
        self._conversation_id = conversation_id
        self._user_id = user_id
        self._notes = notes
        self._turn_is_open = False
        self._seen: dict[str, list[Timed]] = {}

    def commands(self, messages: Iterable[Timed], *, late: bool = False) -> Iterator[PastCommand]:
        """In order. Late ones take no turn: the conversation is over.

        A user's message opens a turn unless one is open, and the first answer after it closes it. All others are
        recorded as messages that take no turn.
        """
        for timed in messages:
            if late:
                self._notes.note(Repair.LATE_MESSAGE, timed.message.legacy_id or "-")
            for piece in self._pieces(timed):
                command = self._recorded(piece) if late or not piece.is_first else self._in_turn(piece)
                yield PastCommand(
                    command=command,
                    occurred_at=timed.at,
                    command_id=self._identity.command_id(self._conversation_id, "message", piece.message_id),
                    place=f"message {timed.message.legacy_id or '-'}",
                )

    def end(self, ending: Ending) -> PastCommand:
        """The end of the conversation."""
        return PastCommand(
            command=c.EndConversation(ended_reason=ending.reason, detail=ending.detail),
            occurred_at=ending.at,
            command_id=self._identity.command_id(self._conversation_id, "end"),
            place="session",
        )

    def _in_turn(self, piece: Piece) -> c.Command:
        given: dict[str, Any] = {
            "content": piece.content,
            "message_id": piece.message_id,
            "audio_url": piece.timed.message.audio_url,
            "metadata": piece.metadata,
        }
        if piece.role == "user" and not self._turn_is_open:
            self._turn_is_open = True
            return c.SubmitUserMessage(**given)
        if piece.role == "assistant" and self._turn_is_open:
            self._turn_is_open = False
            return c.CompleteResponse(**given)
        return self._recorded(piece)

    def _recorded(self, piece: Piece) -> c.RecordMessage:
        return c.RecordMessage(
            role=piece.role or ROLE_OF_UNKNOWN,
            content=piece.content,
            message_id=piece.message_id,
            audio_url=piece.timed.message.audio_url if piece.is_first else None,
            metadata=piece.metadata,
        )

    def _pieces(self, timed: Timed) -> Iterator[Piece]:
        message = timed.message
        legacy_id, copy = self._id_and_copy(timed)
        if copy is None:
            self._notes.note(Repair.MESSAGE_REPEATED, legacy_id)
            return
        role = ROLES.get((message.role or "").lower())
        contents = split(message.content)
        if len(contents) > 1:
            self._notes.note(Repair.CONTENT_TOO_LONG, legacy_id)
        pairs = self._pairs(message, role, legacy_id)
        for number, content in enumerate(contents):
            part = [(f"{PREFIX}part", f"{number + 1}/{len(contents)}")] if len(contents) > 1 else []
            yield Piece(
                timed=timed,
                role=role,
                message_id=self._identity.message_id(self._conversation_id, legacy_id, copy, number),
                content=content,
                metadata=fitted([*part, *pairs] if number == 0 else part, self._notes, legacy_id),
                is_first=number == 0,
            )

    def _id_and_copy(self, timed: Timed) -> tuple[str, int | None]:
        """The old id, and how many others have it already; no number where the row says nothing new."""
        message = timed.message
        if message.legacy_id is None:
            legacy_id = f"without id, {timed.at.isoformat()}"
            copies = self._seen.setdefault(legacy_id, [])
        else:
            legacy_id = message.legacy_id
            copies = self._seen.setdefault(legacy_id.lower() if is_canonical(legacy_id) else legacy_id, [])
            if any(_says_the_same(timed, copy) for copy in copies):
                return legacy_id, None
            if copies:
                self._notes.note(Repair.MESSAGE_ID_REUSED, legacy_id)
        copies.append(timed)
        return legacy_id, len(copies) - 1

    def _pairs(self, message: LegacyMessage, role: Role | None, legacy_id: str) -> list[Pair]:
        """The metadata, what the import has to add first."""
        pairs: list[Pair] = []
        if message.legacy_id is not None and not is_canonical(legacy_id):
            self._notes.note(Repair.MESSAGE_ID_DERIVED, legacy_id)
            pairs.append((f"{PREFIX}id", legacy_id))
        if role is None:
            self._notes.note(Repair.ROLE_UNKNOWN, legacy_id)
            pairs.append((f"{PREFIX}role", message.role or ""))
        if role == "user" and message.user_id is None and self._user_id is not None:
            self._notes.note(Repair.MESSAGE_USER_ID_MISSING, legacy_id)
        if message.user_id not in (None, self._user_id):
            self._notes.note(Repair.MESSAGE_USER_ID_DIFFERS, legacy_id)
            pairs.append((f"{PREFIX}user_id", message.user_id or ""))
        return [*pairs, *message.metadata]


def split(content: str) -> list[str]:
    """The content in pieces that the domain takes, which together are all of it."""
    encoded = content.encode()
    if len(encoded) <= MAX_CONTENT_BYTES:
        return [content]
    pieces = []
    while encoded:
        piece = encoded[:MAX_CONTENT_BYTES].decode("utf-8", "ignore")
        pieces.append(piece)
        encoded = encoded[len(piece.encode()) :]
    return pieces


def _says_the_same(one: Timed, other: Timed) -> bool:
    return (one.at, one.message.role, one.message.content) == (other.at, other.message.role, other.message.content)
