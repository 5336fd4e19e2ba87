"""Every message of the protocol: which payload comes with which type, when, and how one looks.

To add a message: write its payload in `app/ws/protocol.py`, or its frame in `app/ws/inbound.py`, and a line here.
"""

from typing import Any, Final, Literal, assert_never, get_args

import msgspec
from msgspec import Struct

from app.ws import inbound, protocol
from app.ws.asyncapi import examples
from app.ws.protocol import Envelope, MessageType

Kind = Literal["durable", "interim", "connection"]
"""Stored, with a `seq`, and replayed; broadcast only, until something replaces it; or said to one connection alone."""


class ServerMessage(Struct, frozen=True):
    """A message from the server. The type of its payload is that of the example."""

    name: str
    message_type: MessageType
    kind: Kind
    summary: str
    example: Struct

    @property
    def payload(self) -> type[Struct]:
        """The type of the payload."""
        return type(self.example)


class ClientMessage(Struct, frozen=True):
    """A frame from the client. `replies` are the names of the messages it can be answered with."""

    name: str
    frame: type[Struct]
    summary: str
    example: Any
    replies: tuple[str, ...]


SERVER_MESSAGES: Final = (
    ServerMessage("ready", "connection_status", "connection", "The connection stands.", examples.READY),
    ServerMessage(
        "snapshot",
        "state_update",
        "connection",
        "The conversation as it is. Comes after `ready` when the outcome is `fresh` or `gap`.",
        examples.SNAPSHOT,
    ),
    ServerMessage("live", "connection_status", "connection", "The replay is complete.", examples.LIVE),
    ServerMessage(
        "replay_over",
        "connection_status",
        "connection",
        "The replay that was asked for is over, and the close follows.",
        examples.REPLAY_OVER,
    ),
    ServerMessage("heartbeat", "connection_status", "connection", "Nothing was said for a while.", examples.HEARTBEAT),
    ServerMessage("draining", "connection_status", "connection", "The service is about to stop.", examples.DRAINING),
    ServerMessage("closing", "connection_status", "connection", "The close follows.", examples.CLOSING),
    ServerMessage("pong", "connection_status", "connection", "The answer to a `ping`.", examples.PONG),
    ServerMessage("ack", "ack", "connection", "The command is stored.", examples.ACK),
    ServerMessage("error", "error", "connection", "A frame or the connection is refused.", examples.REFUSAL),
    ServerMessage(
        "state_update", "state_update", "durable", "An event, and what it made of the state.", examples.STATE_UPDATE
    ),
    ServerMessage(
        "transcript", "transcript_update", "durable", "What was said, by others than the agent.", examples.TRANSCRIPT
    ),
    ServerMessage("answer", "ai_response", "durable", "What the agent answered.", examples.ANSWER),
    ServerMessage("speech_event", "speech_event", "durable", "Who began or ceased to speak.", examples.SPEECH),
    ServerMessage("turn_failed", "error", "durable", "The turn of the agent has failed.", examples.TURN_FAILED),
    ServerMessage(
        "interim_transcript",
        "transcript_update",
        "interim",
        "What is being said, as far as it is understood.",
        examples.INTERIM_TRANSCRIPT,
    ),
    ServerMessage("answer_delta", "ai_response", "interim", "A piece of an answer.", examples.ANSWER_DELTA),
    ServerMessage(
        "interim_speech_event",
        "speech_event",
        "interim",
        "Something about a voice, such as how far it has come.",
        examples.INTERIM_SPEECH,
    ),
)

INTERIM_MESSAGES: Final = tuple(message for message in SERVER_MESSAGES if message.kind == "interim")

_REPLIES: Final = {
    inbound.CommandFrame: ("ack", "error"),
    inbound.PingFrame: ("pong",),
    inbound.AckFrame: (),
    **dict.fromkeys(get_args(inbound.OriginalFrame), ("ack", "error")),
}
_PREFIX: Final = "send_"


def client_messages() -> tuple[ClientMessage, ...]:
    """Every frame that the server reads, in the order of the union."""
    return tuple(_client_message(frame) for frame in get_args(inbound.ClientFrame))


def feed_messages() -> tuple[ServerMessage, ...]:
    """Those that the feed of a tenant has: all but what is the answer to a command, or the beginning of one
    conversation, or the end of its replay."""
    return tuple(told for told in SERVER_MESSAGES if told.name not in ("snapshot", "ack", "replay_over"))


def envelope_of(message: ServerMessage) -> Envelope:
    """The message's example as it is sent."""
    return Envelope(
        type=message.message_type,
        conversation_id=examples.CONVERSATION_ID,
        epoch=examples.EPOCH,
        ts=examples.NOW,
        payload=message.example,
        **_marks(message),
    )


def as_json(value: Any) -> Any:
    """As it looks when it is sent."""
    return msgspec.json.decode(msgspec.json.encode(value))


def payloads() -> set[type[Struct]]:
    """The types of all payloads from the server."""
    return {message.payload for message in SERVER_MESSAGES}


def server_structs() -> tuple[type[Struct], ...]:
    """The types of `app/ws/protocol.py` that leave out a field instead of sending its null."""
    found = (kind for kind in vars(protocol).values() if isinstance(kind, type) and issubclass(kind, Struct))
    return tuple(kind for kind in found if kind.__struct_config__.omit_defaults)


def _marks(message: ServerMessage) -> dict[str, Any]:
    match message.kind:
        case "durable":
            return {"id": examples.EVENT_ID, "seq": 17, "prev": 16, "correlation_id": examples.COMMAND_ID}
        case "interim":
            return {"seq": None, "final": False, **examples.MARKS.get(message.payload, {})}
        case "connection":
            return {"seq": None}
        case _:
            assert_never(message.kind)


def _client_message(frame: type[Struct]) -> ClientMessage:
    tag = str(frame.__struct_config__.tag)
    return ClientMessage(
        name=_PREFIX + tag,
        frame=frame,
        summary=" ".join((frame.__doc__ or "").split()),
        example=examples.CLIENT_FRAMES[tag],
        replies=_REPLIES.get(frame, ("error",)),
    )
