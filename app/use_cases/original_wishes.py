"""What original clients mean by what they send: a wish, which becomes a command, or something said in passing."""

import re
from typing import Final, Literal

from msgspec import Struct

from app.use_cases.original_payloads import OriginalAnswer, OriginalSpeech, OriginalState, OriginalTranscript
from app.use_cases.post_message import PostedRole
from domain.conversation.conversation import Status
from domain.conversation.errors import InvalidCommand
from domain.conversation.limits import MAX_CONTENT_BYTES
from domain.ids import UUID_PATTERN, MessageId

SpeechWord = Literal["started", "stopped", "interrupted", "resumed", "playback_progress"]
Actor = Literal["user", "agent"]

UNNAMED: Final = "unnamed"
"""The answer in progress, as long as the client gives it no `response_id`; with the speaker behind it, the segment."""

DEFAULT_FAULT_CODE: Final = "client_error"
DEFAULT_FAULT_MESSAGE: Final = "The client has reported an error."

SPEAKERS: Final[dict[str, PostedRole]] = {
    "user": "user",
    "human": "user",
    "agent": "assistant",
    "assistant": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "system": "system",
    "developer": "developer",
    "tool": "tool",
}
SPEECH_ACTORS: Final[dict[SpeechWord, Actor]] = {
    "started": "user",
    "stopped": "user",
    "interrupted": "user",
    "resumed": "agent",
    "playback_progress": "agent",
}
"""The events, and whose speech each is about where the client does not say."""

_UUID: Final = re.compile(UUID_PATTERN)


class StateWish(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="state"):
    """That the conversation be in this state. The rest is for the commands that can say it."""

    status: Status
    reason: str | None = None
    code: str = DEFAULT_FAULT_CODE
    message: str = DEFAULT_FAULT_MESSAGE
    retryable: bool = False
    response_id: str | None = None


class SpeechWish(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="speech"):
    """That somebody's voice be taken note of."""

    event: SpeechWord
    actor: Actor
    at_ms: int | None = None
    heard_text: str | None = None


class MessageWish(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="message"):
    """That a whole message be kept."""

    role: PostedRole
    content: str
    message_id: MessageId | None = None
    audio_url: str | None = None
    segment_id: str | None = None
    confidence: float | None = None
    response_id: str | None = None


class TranscriptSoFar(Struct, frozen=True, kw_only=True):
    """What somebody has said so far; it replaces what was told of the segment before."""

    speaker: str
    text: str
    segment_id: str
    revision: int | None
    confidence: float | None


class AnswerPiece(Struct, frozen=True, kw_only=True):
    """A piece of an answer. Without an `offset` it stands where the pieces so far end."""

    response_id: str
    text: str
    offset: int | None


class SpeechMark(Struct, frozen=True, kw_only=True):
    """Something about somebody's voice that moves nothing."""

    event: SpeechWord
    actor: Actor
    at_ms: int | None


Wish = StateWish | SpeechWish | MessageWish
"""What becomes a command, if it is not true already."""

Interim = TranscriptSoFar | AnswerPiece | SpeechMark
"""What is broadcast to those who listen, and not stored."""


def meant_by_state(sent: OriginalState) -> StateWish:
    """Raises InvalidCommand."""
    field, word = _given(state=sent.state, new_state=sent.new_state, to=sent.to, status=sent.status)
    status = next((known for known in Status if known == word.strip().upper()), None)
    if status is None:
        raise InvalidCommand(field, f"is none of {', '.join(Status)}.")
    return StateWish(
        status=status,
        reason=sent.reason or None,
        code=sent.code or DEFAULT_FAULT_CODE,
        message=sent.message or sent.reason or DEFAULT_FAULT_MESSAGE,
        retryable=bool(sent.retryable),
        response_id=sent.response_id or None,
    )


def meant_by_transcript(sent: OriginalTranscript) -> MessageWish | TranscriptSoFar | AnswerPiece:
    """What the agent says is an answer, however it is sent. Raises InvalidCommand."""
    text = _text(text=sent.text, content=sent.content)
    field, word = _given(speaker=sent.speaker or None, role=sent.role or None, default="user")
    speaker = SPEAKERS.get(word.strip().lower())
    if speaker is None:
        raise InvalidCommand(field, f"is none of {', '.join(SPEAKERS)}.")
    if not _is_final(sent, default=True):
        if speaker == "assistant":
            return AnswerPiece(response_id=sent.segment_id or UNNAMED, text=text, offset=0)
        return TranscriptSoFar(
            speaker=speaker,
            text=text,
            segment_id=sent.segment_id or f"{UNNAMED}-{speaker}",
            revision=sent.revision,
            confidence=sent.confidence,
        )
    return MessageWish(
        role=speaker,
        content=text,
        message_id=_message_id(sent.message_id),
        segment_id=sent.segment_id or None,
        confidence=sent.confidence,
    )


def meant_by_answer(sent: OriginalAnswer) -> MessageWish | AnswerPiece:
    """Raises InvalidCommand."""
    has_text = any(text is not None for text in (sent.response, sent.text, sent.content))
    if _is_final(sent, default=has_text or sent.delta is None):
        return MessageWish(
            role="assistant",
            content=_text(response=sent.response, text=sent.text, content=sent.content),
            message_id=_message_id(sent.message_id),
            audio_url=sent.audio_url,
            response_id=sent.response_id or None,
        )
    response_id = sent.response_id or UNNAMED
    if sent.delta is not None:
        return AnswerPiece(response_id=response_id, text=_text(delta=sent.delta), offset=sent.offset)
    whole = _text(response=sent.response, text=sent.text, content=sent.content)
    return AnswerPiece(response_id=response_id, text=whole, offset=0)


def meant_by_speech(sent: OriginalSpeech) -> SpeechWish | SpeechMark:
    """Raises InvalidCommand."""
    field, word = _given(event=sent.event, event_type=sent.event_type)
    event = next((known for known in SPEECH_ACTORS if known == word.strip().lower()), None)
    if event is None:
        raise InvalidCommand(field, f"is none of {', '.join(SPEECH_ACTORS)}.")
    actor = _actor(sent, SPEECH_ACTORS[event])
    if event == "playback_progress" or (event, actor) == ("stopped", "agent"):
        return SpeechMark(event=event, actor=actor, at_ms=sent.at_ms)
    return SpeechWish(event=event, actor=actor, at_ms=sent.at_ms, heard_text=sent.heard_text)


def _actor(sent: OriginalSpeech, default: Actor) -> Actor:
    field, word = _given(actor=sent.actor or None, speaker=sent.speaker or None, default=default)
    match SPEAKERS.get(word.strip().lower()):
        case "user":
            return "user"
        case "assistant":
            return "agent"
        case _:
            raise InvalidCommand(field, "is neither the user nor the agent.")


def _given(*, default: str | None = None, **names: str | None) -> tuple[str, str]:
    """The first that is given, with its name."""
    for name, value in names.items():
        if value is not None:
            return name, value
    first = next(iter(names))
    if default is None:
        raise InvalidCommand(first, "is missing.")
    return first, default


def _text(**names: str | None) -> str:
    """The first text that is given, within the limit of messages."""
    field, text = _given(**names)
    size_bytes = len(text.encode())
    if size_bytes > MAX_CONTENT_BYTES:
        raise InvalidCommand(field, f"has {size_bytes} bytes of UTF-8; at most {MAX_CONTENT_BYTES} are taken.")
    return text


def _is_final(sent: OriginalTranscript | OriginalAnswer, *, default: bool) -> bool:
    given = sent.final if sent.is_final is None else sent.is_final
    return default if given is None else given


def _message_id(given: str | None) -> MessageId | None:
    lowered = (given or "").lower()
    return MessageId(lowered) if _UUID.fullmatch(lowered) else None
