"""The AsyncAPI document, written from the types that the sockets read and write."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from msgspec import Struct

from app.ws.asyncapi.close_codes import described_codes
from app.ws.asyncapi.examples import CONVERSATION_ID, EPOCH
from app.ws.asyncapi.messages import (
    SERVER_MESSAGES,
    ClientMessage,
    ServerMessage,
    as_json,
    client_messages,
    envelope_of,
    feed_messages,
)
from app.ws.asyncapi.schemas import MessageSchemas
from app.ws.feed.filter import DURABLE_TYPES
from app.ws.inbound import AckFrame, PingFrame
from app.ws.protocol import SUBPROTOCOL
from app.ws.replay.query import (
    DEFAULT_MAX_PAUSE_S,
    LONGEST_MAX_PAUSE_S,
    MAX_SPEED,
    MAX_SPEED_WORD,
    MIN_SPEED,
)
from domain.conversation.transitions import State

DESCRIPTION: Final = """\
What is said over the WebSockets of Turnlog: the protocol `conv.v1`.

Every message is one JSON object in a text frame, the envelope. Durable messages have a `seq`, the version of the
conversation, without holes: a client that was away comes back with `after` and gets exactly what it missed. Clients
ignore fields that they do not know. `docs/reference/websocket.md` tells how to write a client; `x-close-codes` tells
what to do when the socket closes.
"""

MAX_CURSOR: Final = 2**63 - 1


class Channel(Struct, frozen=True, kw_only=True):
    """One address. `query` and `parameters` are what stands in it, by name; `frames` are what clients may send."""

    name: str
    address: str
    title: str
    description: str
    query: dict[str, Any]
    told: tuple[ServerMessage, ...]
    frames: tuple[ClientMessage, ...]
    parameters: dict[str, Any] = {}


CHANNELS: Final = (
    Channel(
        name="conversation",
        address="/api/ws/conversations/{conversation_id}",
        title="One conversation",
        description="Everything that happens in the conversation; and every command to it. With `replay`, what has "
        "happened, and no command.",
        parameters={
            "conversation_id": {"description": "A UUID in canonical lower-case text.", "examples": [CONVERSATION_ID]}
        },
        told=SERVER_MESSAGES,
        frames=client_messages(),
        query={
            "after": {
                "type": "integer",
                "minimum": 0,
                "maximum": MAX_CURSOR,
                "description": "The `seq` that the client has everything up to. Without it the client gets a snapshot.",
            },
            "epoch": {
                "type": "string",
                "examples": [EPOCH],
                "description": "The `epoch` that `after` is from. Another one than the server's is answered with a "
                "snapshot.",
            },
            "replay": {
                "type": "string",
                "examples": ["10", MAX_SPEED_WORD],
                "description": "Not what happens now, but what has happened, from `after` on, again: at so many times "
                f"the speed of then, {MIN_SPEED:g} to {MAX_SPEED:g}, or `{MAX_SPEED_WORD}` without any pause.",
            },
            "max_pause_s": {
                "type": "number",
                "minimum": 0,
                "maximum": LONGEST_MAX_PAUSE_S,
                "default": DEFAULT_MAX_PAUSE_S,
                "description": "Of a replay: longer pauses of the conversation are cut to this, before the speed "
                "divides them.",
            },
            "until": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_CURSOR,
                "description": "The `seq` that a replay ends with. Without it, the newest when it begins.",
            },
        },
    ),
    Channel(
        name="feed",
        address="/api/ws/feed",
        title="All conversations of the tenant",
        description="Every event of all conversations, in the order of `position`; and, where it is asked for, what is "
        "being said. Nothing can be sent but `ping` and `ack`.",
        told=feed_messages(),
        frames=tuple(message for message in client_messages() if message.frame in (PingFrame, AckFrame)),
        query={
            "after": {
                "type": "integer",
                "minimum": 0,
                "maximum": MAX_CURSOR,
                "description": "The `position` that the client has everything up to. Without it the feed begins with "
                "what happens now.",
            },
            "epoch": {
                "type": "string",
                "examples": [EPOCH],
                "description": "The `epoch` that `after` is from. With another one than the server's the feed begins "
                "with what happens now.",
            },
            "user_id": {"type": "string", "description": "Conversations of this user alone."},
            "state": {
                "type": "string",
                "examples": ["LISTENING,ENDED"],
                "description": f"Events that leave the conversation in one of these states, of {', '.join(State)}.",
            },
            "type": {
                "type": "string",
                "examples": ["ai_response,transcript_update"],
                "description": f"Messages of these types, of {', '.join(DURABLE_TYPES)}.",
            },
            "interims": {
                "type": "string",
                "enum": ["true", "false"],
                "default": "false",
                "description": "Also the interim messages of the conversations that are chosen.",
            },
        },
    ),
)
"""To add a channel: a line here, once its route exists."""


def document() -> dict[str, Any]:
    """The document, as JSON can be made of it."""
    schemas = MessageSchemas()
    operations = {name: operation for channel in CHANNELS for name, operation in _operations(channel).items()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Turnlog", "version": version("turnlog"), "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": operations,
        "components": {"messages": _messages(schemas), "schemas": schemas.components},
        "x-close-codes": as_json(described_codes()),
    }


def _channel(channel: Channel) -> dict[str, Any]:
    names = [told.name for told in channel.told] + [frame.name for frame in channel.frames]
    query = {"type": "object", "properties": channel.query}
    headers = {
        "type": "object",
        "properties": {
            "Sec-WebSocket-Protocol": {
                "type": "string",
                "description": f"Offer `{SUBPROTOCOL}`. Nothing offered means the same; other names alone are refused.",
                "examples": [SUBPROTOCOL],
            }
        },
    }
    described = {
        "address": channel.address,
        "title": channel.title,
        "description": channel.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": {"method": "GET", "query": query, "headers": headers, "bindingVersion": "0.1.0"}},
    }
    return described | ({"parameters": channel.parameters} if channel.parameters else {})


def _operations(channel: Channel) -> dict[str, Any]:
    """The server's view: it sends its messages, and receives those of clients."""
    told = {
        "action": "send",
        "channel": _channel_reference(channel),
        "title": "What the server says",
        "messages": _message_references(channel, [message.name for message in channel.told]),
    }
    received = {f"{channel.name}.{one.name}": _receive(channel, one) for one in channel.frames}
    return {f"{channel.name}.tell": told, **received}


def _receive(channel: Channel, message: ClientMessage) -> dict[str, Any]:
    described: dict[str, Any] = {
        "action": "receive",
        "channel": _channel_reference(channel),
        "title": f"A `{message.example['type']}` frame from the client",
        "messages": _message_references(channel, [message.name]),
    }
    if message.replies:
        replies = _message_references(channel, message.replies)
        described["reply"] = {"channel": _channel_reference(channel), "messages": replies}
    return described


def _messages(schemas: MessageSchemas) -> dict[str, Any]:
    messages: dict[str, Any] = {}
    for told in SERVER_MESSAGES:
        messages[told.name] = {
            "name": told.message_type,
            "title": told.name,
            "summary": told.summary,
            "tags": [{"name": told.kind}],
            "payload": schemas.of_message(told),
            "examples": [{"payload": as_json(envelope_of(told))}],
        }
    for frame in client_messages():
        messages[frame.name] = {
            "name": frame.example["type"],
            "title": frame.name,
            "summary": frame.summary,
            "tags": [{"name": "client"}],
            "payload": schemas.of_frame(frame.frame),
            "examples": [{"payload": frame.example}],
        }
    return messages


def _channel_reference(channel: Channel) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel.name}"}


def _message_references(channel: Channel, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel.name}/messages/{name}"} for name in names]
