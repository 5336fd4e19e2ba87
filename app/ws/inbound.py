"""What a client may send, and how it is read. A frame that cannot be read is answered, with the field at fault."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from app.command_payloads import read_command
from app.wire import decode
from app.ws.protocol import AnswerDelta, MessageType, SpeechEvent, TranscriptUpdate
from domain.conversation.commands import Command
from domain.conversation.errors import InvalidCommand
from domain.ids import GivenCommandId


class CommandFrame(Struct, frozen=True, kw_only=True, tag="command", forbid_unknown_fields=True):
    """Any command of the domain; `id` makes it safe to send again."""

    name: str
    payload: Raw = field(default_factory=lambda: Raw(b"{}"))
    id: GivenCommandId | None = None
    expected_version: int | None = None


class InterimFrame(Struct, frozen=True, kw_only=True, tag="interim", forbid_unknown_fields=True):
    """Broadcast to all who listen, and never stored."""

    payload: Raw


class PingFrame(Struct, frozen=True, kw_only=True, tag="ping"):
    """For clients that cannot send the pings of WebSocket itself. `n` comes back."""

    n: int | None = None


class AckFrame(Struct, frozen=True, kw_only=True, tag="ack"):
    """The client has taken note of everything up to `seq`."""

    seq: int


class _OriginalFrame(Struct, frozen=True, kw_only=True):
    """One of original clients: it may hold what it likes beside its payload, and any id."""

    payload: Raw
    id: Any = None
    message_id: Any = None


class StateUpdateFrame(_OriginalFrame, frozen=True, kw_only=True, tag="state_update"):
    """Of original clients: a state that is wished for, as a command."""


class TranscriptUpdateFrame(_OriginalFrame, frozen=True, kw_only=True, tag="transcript_update"):
    """Of original clients: what was said, as a command where it is final, else as an interim message."""


class AiResponseFrame(_OriginalFrame, frozen=True, kw_only=True, tag="ai_response"):
    """Of original clients: what the agent answers, as a command where it is final, else as an interim message."""


class SpeechEventFrame(_OriginalFrame, frozen=True, kw_only=True, tag="speech_event"):
    """Of original clients: something about a voice, as a command where it moves the conversation."""


OriginalFrame = StateUpdateFrame | TranscriptUpdateFrame | AiResponseFrame | SpeechEventFrame
ClientFrame = CommandFrame | InterimFrame | PingFrame | AckFrame | OriginalFrame
_frame_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)


class InterimMessage(Struct, frozen=True):
    """An interim payload with what makes it replaceable."""

    type: MessageType
    payload: Struct
    key: str | None
    revision: int | None


class _InterimMarks(Struct, frozen=True):
    """The fields that tell the payloads apart; the rest is passed over, and read once, as what it is."""

    event: Raw | UnsetType = UNSET
    delta: Raw | UnsetType = UNSET


def read_frame(text: str) -> ClientFrame:
    """The frame.

    Raises:
        InvalidCommand: it cannot be understood; `field` says where.
    """
    frame: ClientFrame = decode(_frame_decoder, text, has_raw_parts=True)
    return frame


def command_of(frame: CommandFrame) -> Command:
    """The domain's command in the frame.

    Raises:
        InvalidCommand: no such command, or a field of it is not acceptable.
    """
    return read_command(frame.name, bytes(frame.payload))


def interim_of(frame: InterimFrame) -> InterimMessage:
    """The message to broadcast: a piece of a transcript, a delta of an answer or a speech event, by its fields.

    Raises:
        InvalidCommand: it is none of them, or a transcript that claims to be final.
    """
    raw = bytes(frame.payload)
    marks = decode(_marks_decoder, raw, prefix="payload")
    if marks.event is not UNSET:
        speech = decode(_speech_decoder, raw, prefix="payload")
        return InterimMessage("speech_event", speech, None, None)
    if marks.delta is not UNSET:
        delta = decode(_delta_decoder, raw, prefix="payload")
        return InterimMessage("ai_response", delta, delta.response_id, delta.offset)
    transcript = decode(_transcript_decoder, raw, prefix="payload")
    if transcript.is_final:
        raise InvalidCommand("payload.is_final", "must be false: a final text is a `submit_user_message` command.")
    return InterimMessage("transcript_update", transcript, transcript.segment_id, transcript.revision)


_marks_decoder = msgspec.json.Decoder(_InterimMarks)
_speech_decoder = msgspec.json.Decoder(SpeechEvent)
_delta_decoder = msgspec.json.Decoder(AnswerDelta)
_transcript_decoder = msgspec.json.Decoder(TranscriptUpdate)
