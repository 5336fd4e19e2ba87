"""A chat of a file: what a line may say, in the words of the usual formats, and how it is read.

Keys that are not named here are ignored.
"""

from codecs import BOM_UTF8
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from app.wire import decode
from domain.conversation.errors import InvalidCommand
from domain.conversation.values import EndedReason, GivenUsage, Role

GivenRole = Literal["system", "developer", "user", "assistant", "tool", "agent", "bot", "human"]
GivenTime = datetime | float
"""RFC 3339, in UTC where it has no offset; or seconds since 1970, or milliseconds where it would be after 5138."""

GivenId = str | int
Scalar = str | int | float | bool | None

ROLES: Final[dict[GivenRole, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "agent": "assistant",
    "bot": "assistant",
    "human": "user",
}
_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})
_FIRST_MILLISECONDS: Final = 100_000_000_000


class Part(Struct, frozen=True):
    """A piece of a message. Only text is kept."""

    type: str
    text: str | None = None


class ToolFunction(Struct, frozen=True):
    """`arguments` is JSON in a text."""

    name: str
    arguments: str = "{}"


class ToolCall(Struct, frozen=True):
    """What an assistant asks a tool."""

    id: str
    function: ToolFunction


class ChatFeedback(Struct, frozen=True, omit_defaults=True):
    """The last one on a message."""

    rating: int
    comment: str | None = None


class ChatMessage(Struct, frozen=True, kw_only=True):
    """`created_at` and `timestamp` are the same. A message of tool calls alone has no content.

    Of an `interrupted` answer `content` is what was generated, and `heard_text` what can have been heard.
    """

    role: GivenRole
    content: str | list[str | Part] | None = None
    id: GivenId | None = None
    created_at: GivenTime | None = None
    timestamp: GivenTime | None = None
    metadata: dict[str, Scalar] = {}
    audio_url: str | None = None
    usage: GivenUsage | None = None
    model: str | None = None
    interrupted: bool = False
    heard_text: str | None = None
    feedback: ChatFeedback | None = None
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None


class Turn(Struct, frozen=True):
    """A message as the dialogues of `turnlog replay` have it: whoever is not the user is the assistant."""

    speaker: str
    utterance: str


class ChatLine(Struct, frozen=True, kw_only=True):
    """`id`, `conversation_id` and `dialogue_id` are the same, and so are `created_at` and `started_at`, and `messages`
    and `turns`. An `ended_at` of null says that the conversation is still open."""

    messages: Annotated[list[ChatMessage], Meta(max_length=100_000)] = []
    turns: Annotated[list[Turn], Meta(max_length=100_000)] = []
    id: GivenId | None = None
    conversation_id: GivenId | None = None
    dialogue_id: GivenId | None = None
    user_id: GivenId | None = None
    agent: str | None = None
    channel: str | None = None
    language: str | None = None
    metadata: dict[str, Scalar] = {}
    created_at: GivenTime | None = None
    started_at: GivenTime | None = None
    ended_at: GivenTime | UnsetType | None = UNSET
    ended_reason: EndedReason | None = None
    ended_detail: str | None = None


class Chat(Struct, frozen=True, kw_only=True):
    """A line with one word for each thing. `key` names the conversation: its own id, or what is in the line."""

    key: str
    line: ChatLine
    messages: Sequence[ChatMessage]


_line_decoder = msgspec.json.Decoder(ChatLine)
_messages_decoder = msgspec.json.Decoder(list[ChatMessage])
_encoder = msgspec.json.Encoder()


def read_chat(raw: bytes) -> Chat:
    """The chat of a line: an object, or the bare list of its messages.

    Raises:
        InvalidCommand: `field` is the path of the culprit.
    """
    text = raw.removeprefix(BOM_UTF8).strip()
    is_list = text.startswith(b"[")
    line = ChatLine(messages=decode(_messages_decoder, text, "messages")) if is_list else decode(_line_decoder, text)
    messages = line.messages or [_message_of(turn) for turn in line.turns]
    if not messages:
        raise InvalidCommand("messages", "is missing, or empty.")
    given = next((id_ for id_ in (line.id, line.conversation_id, line.dialogue_id) if id_ is not None), None)
    return Chat(key=_content_key(text) if given is None else str(given), line=line, messages=messages)


def text_of(message: ChatMessage, place: str) -> str | None:
    """What was said; None where a message has nothing to say.

    Raises:
        InvalidCommand: a part is no text.
    """
    if message.content is None or isinstance(message.content, str):
        return message.content
    return "\n".join(_part(part, f"{place}.content[{index}]") for index, part in enumerate(message.content))


def metadata_of(given: dict[str, Scalar]) -> dict[str, str]:
    """As the domain keeps it: a number or a truth value as its JSON, and null not at all."""
    return {
        key: value if isinstance(value, str) else _encoder.encode(value).decode()
        for key, value in given.items()
        if value is not None
    }


def time_of(given: GivenTime | None, place: str) -> datetime | None:
    """In UTC.

    Raises:
        InvalidCommand: there is no such time.
    """
    if given is None:
        return None
    try:
        if isinstance(given, datetime):
            return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
        return datetime.fromtimestamp(given / 1_000 if given >= _FIRST_MILLISECONDS else given, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidCommand(place, "is outside the years 1 to 9999 of UTC.") from error


def _content_key(text: bytes) -> str:
    return f"sha256:{sha256(text).hexdigest()}"


def _message_of(turn: Turn) -> ChatMessage:
    return ChatMessage(role="user" if turn.speaker == "user" else "assistant", content=turn.utterance)


def _part(part: str | Part, place: str) -> str:
    if isinstance(part, str):
        return part
    if part.type not in _TEXT_PARTS or part.text is None:
        raise InvalidCommand(place, "is no text, and only text can be kept.")
    return part.text
