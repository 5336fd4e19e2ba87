"""What is being said at this moment: interim messages, which replace one another and are never stored."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.ws.frames import Frames, encode
from app.ws.inbound import InterimMessage
from app.ws.protocol import AnswerDelta, Envelope, MessageType, OpenInterim, TranscriptUpdate
from domain.conversation import events as e
from domain.conversation.events import Event

MAX_OPEN_INTERIMS: Final = 16
"""Of one conversation; when there are more, the oldest is no longer shown to those who come later."""
MAX_ANSWER_CHARACTERS: Final = 64 * 1024
"""Of an open answer; what goes beyond is only in the deltas, and in the end in the answer itself."""

SHOWN_MAX_CHARACTERS: Final = 4 * 1024
"""Of an open text in a snapshot, which must not grow beyond what clients take."""

InterimKey = tuple[MessageType, str]
"""Within a conversation."""
QueueKey = tuple[str | None, MessageType, str]
"""Within a connection, which may be of many conversations: two of them may give a segment the same name."""


class Interim(Struct, frozen=True):
    """An interim message on its way. One without a key is alone: nothing replaces it."""

    message: InterimMessage
    envelope: Envelope
    frames: Frames

    @property
    def key(self) -> QueueKey | None:
        """What it shares with those that replace it."""
        key = self.message.key
        return None if key is None else (self.envelope.conversation_id, self.message.type, key)

    def after(self, waiting: "Interim") -> "Interim | None":
        """What to send in place of one that still waits and this one: a text replaces, a delta is added. None where
        each has to be sent."""
        message = joined(waiting.message, self.message)
        if message is None:
            return None
        if message is self.message:
            return self
        envelope = replace(self.envelope, payload=message.payload, rev=message.revision)
        return Interim(message, envelope, encode(envelope))


def interim(message: InterimMessage, conversation_id: str, epoch: str, now: datetime) -> Interim:
    """The message, encoded once for all who listen."""
    envelope = Envelope(
        type=message.type,
        conversation_id=conversation_id,
        epoch=epoch,
        ts=now,
        seq=None,
        final=False,
        key=message.key,
        rev=message.revision,
        payload=message.payload,
    )
    return Interim(message, envelope, encode(envelope))


def key_of(message: InterimMessage) -> InterimKey | None:
    """The messages of one key are about the same text."""
    return None if message.key is None else (message.type, message.key)


def joined(older: InterimMessage, newer: InterimMessage) -> InterimMessage | None:
    """One message that tells what both do: the newer alone where it says all of the older anew. None where there is
    something between them, or where it would be too long."""
    before, after = older.payload, newer.payload
    if not isinstance(before, AnswerDelta) or not isinstance(after, AnswerDelta):
        return newer
    known = after.offset - before.offset
    if known <= 0:
        return newer
    if known > len(before.delta) or known + len(after.delta) > MAX_ANSWER_CHARACTERS:
        return None
    payload = replace(after, offset=before.offset, delta=before.delta[:known] + after.delta)
    return replace(newer, payload=payload, revision=payload.offset)


class OpenInterims:
    """The texts of a conversation that are not final yet."""

    def __init__(self) -> None:
        self._open: dict[InterimKey, InterimMessage] = {}

    def accept(self, message: InterimMessage) -> bool:
        """Take note of the message; whether it is news, and not older than what was said already."""
        key = key_of(message)
        if key is None:
            return True
        known = self._open.pop(key, None)
        if known is not None and _is_older(message, known):
            self._open[key] = known
            return False
        self._open[key] = message if known is None else joined(known, message) or message
        if len(self._open) > MAX_OPEN_INTERIMS:
            del self._open[next(iter(self._open))]
        return True

    def close(self, event: Event) -> None:
        """Forget what the event has made final, or has made pointless."""
        if self._open:
            self._open = {key: message for key, message in self._open.items() if not _is_over(message, event)}

    def messages(self) -> tuple[InterimMessage, ...]:
        """Those that are open, the one that was changed last at the end."""
        return tuple(self._open.values())

    def answer_end(self, response_id: str) -> int:
        """At which character the pieces of an open answer end."""
        known = self._open.get(("ai_response", response_id))
        piece = known.payload if known is not None else None
        return piece.offset + len(piece.delta) if isinstance(piece, AnswerDelta) else 0

    def shown(self) -> tuple[OpenInterim, ...]:
        """As a snapshot tells them. One that is too long for it comes after `live`, with the others."""
        return tuple(
            OpenInterim(type=kind, key=key, rev=message.revision, payload=message.payload)
            for (kind, key), message in self._open.items()
            if _length(message) <= SHOWN_MAX_CHARACTERS
        )


def _length(message: InterimMessage) -> int:
    match message.payload:
        case AnswerDelta(delta=text) | TranscriptUpdate(text=text):
            return len(text)
        case _:
            return 0


def _is_older(message: InterimMessage, known: InterimMessage) -> bool:
    if message.type != "transcript_update" or message.revision is None or known.revision is None:
        return False
    return message.revision < known.revision


def _is_over(message: InterimMessage, event: Event) -> bool:
    match event:
        case e.ConversationEnded():
            return True
        case e.UserMessageReceived() | e.UserMessageQueued():
            return _is_said_by("user", message) and (not event.segment_ids or message.key in event.segment_ids)
        case e.MessageRecorded():
            return message.type == "ai_response" if event.role == "assistant" else _is_said_by(event.role, message)
        case e.ResponseCompleted() | e.ResponseInterrupted() | e.ResponseCancelled() | e.TurnFailed():
            return message.type == "ai_response"
        case _:
            return False  # every other event leaves what is being said as it is


def _is_said_by(speaker: str, message: InterimMessage) -> bool:
    return isinstance(message.payload, TranscriptUpdate) and message.payload.speaker == speaker
