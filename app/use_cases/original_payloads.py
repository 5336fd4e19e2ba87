"""What original clients send: the same over REST and sockets.

Their payloads may hold whatever they like: fields that are not here are passed over, and the same thing may have any of
several names, of which the first that is given counts. What is read is held to the limits of the commands.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from domain.conversation.limits import Confidence, Content, Milliseconds, Note, Url

MAX_POSITION: Final = 2**31 - 1
"""Of a `delta` in characters, and of a `revision`."""

Word = Annotated[str, Meta(max_length=128)]
GivenResponseId = Annotated[str, Meta(max_length=255, description="Which answer it is about.")]
GivenSegmentId = Annotated[str, Meta(max_length=128, description="Which piece of the transcript it is.")]
OwnMessageId = Annotated[str, Meta(description="The message's id, if it is a UUID; any other is passed over.")]
IsFinal = Annotated[bool, Meta(description="Without it a text is final, and a `delta` is not.")]
Position = Annotated[
    int, Meta(ge=0, le=MAX_POSITION, description="At which character of the answer the `delta` stands.")
]
Revision = Annotated[int, Meta(ge=0, le=MAX_POSITION, description="A lower one does not replace a higher one.")]


class OriginalState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state wished for. `state`, `new_state`, `to` and `status` are one field, in any case of letters."""

    state: Word | None = None
    new_state: Word | None = None
    to: Word | None = None
    status: Word | None = None
    reason: Note | None = None
    code: Word | None = None
    message: Note | None = None
    retryable: bool | None = None
    response_id: GivenResponseId | None = None


class OriginalTranscript(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody said. `text` and `content` are one field, `speaker` and `role`, `is_final` and `final`."""

    text: Content | None = None
    content: Content | None = None
    speaker: Word | None = None
    role: Word | None = None
    is_final: IsFinal | None = None
    final: IsFinal | None = None
    segment_id: GivenSegmentId | None = None
    revision: Revision | None = None
    confidence: Confidence | None = None
    message_id: OwnMessageId | None = None


class OriginalAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent answers: `response`, `text` and `content` are one field, the whole so far; `delta` is a piece."""

    response: Content | None = None
    text: Content | None = None
    content: Content | None = None
    delta: Content | None = None
    offset: Position | None = None
    response_id: GivenResponseId | None = None
    is_final: IsFinal | None = None
    final: IsFinal | None = None
    message_id: OwnMessageId | None = None
    audio_url: Url | None = None


class OriginalSpeech(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something about somebody's voice. `event` and `event_type` are one field, `actor` and `speaker`."""

    event: Word | None = None
    event_type: Word | None = None
    actor: Word | None = None
    speaker: Word | None = None
    at_ms: Milliseconds | None = None
    heard_text: Content | None = None
