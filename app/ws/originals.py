"""The frames of original clients: what they mean, and what they say in passing as the protocol's own messages."""

import re
from collections.abc import Callable
from typing import Final, TypeVar, assert_never

import msgspec
from msgspec import Struct

from app.command_payloads import named_within_payload
from app.principal import Principal
from app.use_cases.original_payloads import OriginalAnswer, OriginalSpeech, OriginalState, OriginalTranscript
from app.use_cases.original_wishes import (
    AnswerPiece,
    Interim,
    SpeechMark,
    TranscriptSoFar,
    Wish,
    meant_by_answer,
    meant_by_speech,
    meant_by_state,
    meant_by_transcript,
)
from app.wire import decode
from app.ws.hub import Hub
from app.ws.inbound import (
    AiResponseFrame,
    InterimMessage,
    OriginalFrame,
    SpeechEventFrame,
    StateUpdateFrame,
    TranscriptUpdateFrame,
)
from app.ws.protocol import AnswerDelta, SpeechEvent, TranscriptUpdate
from domain.ids import UUID_PATTERN, CommandId, ConversationId

Sent = TypeVar("Sent")
Meant = TypeVar("Meant")

PAYLOADS: Final[dict[type[OriginalFrame], type[Struct]]] = {
    StateUpdateFrame: OriginalState,
    TranscriptUpdateFrame: OriginalTranscript,
    AiResponseFrame: OriginalAnswer,
    SpeechEventFrame: OriginalSpeech,
}
"""What the frames hold, for the reference."""

_PAYLOAD: Final = "payload"
_UUID: Final = re.compile(UUID_PATTERN)

_state_decoder: Final = msgspec.json.Decoder(OriginalState)
_transcript_decoder: Final = msgspec.json.Decoder(OriginalTranscript)
_answer_decoder: Final = msgspec.json.Decoder(OriginalAnswer)
_speech_decoder: Final = msgspec.json.Decoder(OriginalSpeech)


def meant_by(frame: OriginalFrame) -> Wish | Interim:
    """What the frame means.

    Raises:
        InvalidCommand: nothing that can be told; `field` says where.
    """
    raw = bytes(frame.payload)
    match frame:
        case StateUpdateFrame():
            return _meant(meant_by_state, decode(_state_decoder, raw, prefix=_PAYLOAD))
        case TranscriptUpdateFrame():
            return _meant(meant_by_transcript, decode(_transcript_decoder, raw, prefix=_PAYLOAD))
        case AiResponseFrame():
            return _meant(meant_by_answer, decode(_answer_decoder, raw, prefix=_PAYLOAD))
        case SpeechEventFrame():
            return _meant(meant_by_speech, decode(_speech_decoder, raw, prefix=_PAYLOAD))
        case _:
            assert_never(frame)


def _meant(read: Callable[[Sent], Meant], sent: Sent) -> Meant:
    with named_within_payload():
        return read(sent)


def command_id_of(frame: OriginalFrame) -> CommandId | None:
    """An id that can be a command's makes the frame safe to send again; whatever else it holds is passed over."""
    for given in (frame.id, frame.message_id):
        if isinstance(given, str) and _UUID.fullmatch(given.lower()):
            return CommandId(given.lower())
    return None


class OriginalInterims:
    """What original clients say in passing, to all who listen. Implements `InterimBroadcaster`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __call__(self, principal: Principal, conversation_id: ConversationId, interim: Interim) -> None:
        key = (principal.tenant_id, conversation_id)
        match interim:
            case TranscriptSoFar():
                message = _transcript(interim)
            case AnswerPiece():
                offset = self._hub.answer_end(key, interim.response_id) if interim.offset is None else interim.offset
                if offset is None:
                    return  # nobody can know where the piece belongs
                delta = AnswerDelta(response_id=interim.response_id, offset=offset, delta=interim.text)
                message = InterimMessage("ai_response", delta, delta.response_id, delta.offset)
            case SpeechMark():
                mark = SpeechEvent(event=interim.event, actor=interim.actor, at_ms=interim.at_ms)
                message = InterimMessage("speech_event", mark, None, None)
            case _:
                assert_never(interim)
        self._hub.broadcast_interim(key, message)


def _transcript(interim: TranscriptSoFar) -> InterimMessage:
    update = TranscriptUpdate(
        text=interim.text,
        is_final=False,
        speaker=interim.speaker,
        segment_id=interim.segment_id,
        revision=interim.revision,
        confidence=interim.confidence,
    )
    return InterimMessage("transcript_update", update, update.segment_id, update.revision)
