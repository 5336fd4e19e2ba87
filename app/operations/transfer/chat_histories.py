"""A chat as the commands of a conversation: turns where the order allows, recorded messages otherwise."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from app.operations.transfer.chat_times import Timeline, timeline
from app.operations.transfer.chats import ROLES, Chat, ChatMessage, ToolCall, metadata_of, text_of, time_of
from app.operations.transfer.histories import History, PastCommand
from domain.conversation.commands import (
    Command,
    CompleteResponse,
    CompleteToolCall,
    EndConversation,
    InterruptResponse,
    RecordFeedback,
    RecordMessage,
    StartConversation,
    StartResponse,
    StartToolCall,
    SubmitUserMessage,
)
from domain.conversation.errors import InvalidCommand
from domain.ids import CommandId, ConversationId, MessageId, TenantId

NAMESPACE: Final = UUID("7b6f3a54-0f0c-5f1e-9c39-5c0d3f6a9f10")
"""Of the ids that are made for chats. Another one would import every chat a second time."""

IMPORTED: Final = "imported"


class Said(Struct, frozen=True):
    """A command, when it was issued, and where the line has it."""

    command: Command
    at: datetime
    place: str


def history_of(chat: Chat, name: str, tenant_id: TenantId, now: datetime) -> History:
    """The conversation, with ids that are the same whenever the same chat is given for the same tenant.

    Raises:
        InvalidCommand: `field` is the path of the culprit in the line.
    """
    conversation_id = _uuid(NAMESPACE, tenant_id, chat.key)
    times = timeline(chat, now)
    said = [
        Said(_start(chat), times.started_at, ""),
        *_messages(chat, times, UUID(conversation_id)),
        *_end(chat, times),
    ]
    return History(
        name=name,
        tenant_id=tenant_id,
        conversation_id=ConversationId(conversation_id),
        commands=tuple(
            PastCommand(
                command=one.command,
                occurred_at=one.at,
                command_id=CommandId(str(uuid5(UUID(conversation_id), f"command:{index}"))),
                is_time_made_up=times.is_made_up,
                place=one.place,
            )
            for index, one in enumerate(said)
        ),
    )


def _uuid(namespace: UUID, scope: str, given: str) -> str:
    """The id itself where it is a UUID, else one that is made of it."""
    try:
        if len(given) == len(str(namespace)):
            return str(UUID(given))
    except ValueError:
        pass
    return str(uuid5(namespace, f"{scope}:{given}"))


def _start(chat: Chat) -> StartConversation:
    line = chat.line
    return StartConversation(
        user_id=None if line.user_id is None else str(line.user_id),
        agent=line.agent,
        channel=line.channel,
        language=line.language,
        metadata=metadata_of(line.metadata),
    )


def _end(chat: Chat, times: Timeline) -> Iterator[Said]:
    line = chat.line
    if line.ended_at is None:
        return
    given = None if isinstance(line.ended_at, msgspec.UnsetType) else line.ended_at
    detail = IMPORTED if line.ended_reason is None else line.ended_detail
    command = EndConversation(ended_reason=line.ended_reason or "user_ended", detail=detail)
    yield Said(command, time_of(given, "ended_at") or times.messages[-1], "")


def _messages(chat: Chat, times: Timeline, conversation_id: UUID) -> Iterator[Said]:
    is_agents_turn = False
    open_calls: set[str] = set()
    for index, message in enumerate(chat.messages):
        place = f"messages[{index}]"
        message_id = _message_id(message, index, conversation_id)
        for command in _commands(message, place, message_id, open_calls, is_agents_turn=is_agents_turn):
            is_agents_turn = _is_agents_turn_after(command, is_agents_turn)
            yield Said(command, times.messages[index], place)


def _is_agents_turn_after(command: Command, before: bool) -> bool:
    if isinstance(command, SubmitUserMessage):
        return True
    return before and not isinstance(command, CompleteResponse | InterruptResponse)


def _message_id(message: ChatMessage, index: int, conversation_id: UUID) -> MessageId:
    given = index if message.id is None else message.id
    return MessageId(_uuid(conversation_id, "message", str(given)))


def _commands(
    message: ChatMessage, place: str, message_id: MessageId, open_calls: set[str], *, is_agents_turn: bool
) -> Iterator[Command]:
    """What the message means. An answer ends the turn, unless it calls tools: then more is to come."""
    role = ROLES[message.role]
    content = text_of(message, place)
    if content is None and not message.tool_calls:
        raise InvalidCommand(f"{place}.content", "is missing.")
    common: dict[str, Any] = {
        "content": content,
        "message_id": message_id,
        "audio_url": message.audio_url,
        "metadata": metadata_of(message.metadata),
    }
    if message.tool_call_id is not None and is_agents_turn and message.tool_call_id in open_calls:
        open_calls.discard(message.tool_call_id)
        yield CompleteToolCall(tool_call_id=message.tool_call_id, result=content)
    if role == "user" and not is_agents_turn and message.usage is None:
        yield SubmitUserMessage(**common)
    elif role == "assistant" and is_agents_turn and not message.tool_calls:
        yield from _answer(message, message_id, common)
        open_calls.clear()
    elif content is not None:
        yield RecordMessage(role=role, **common, usage=message.usage)
    if message.feedback is not None:
        feedback = message.feedback
        yield RecordFeedback(message_id=message_id, rating=feedback.rating, comment=feedback.comment)
    yield from _tool_calls(message.tool_calls, place, open_calls, is_agents_turn=is_agents_turn)


def _answer(message: ChatMessage, message_id: MessageId, common: dict[str, Any]) -> Iterator[Command]:
    if message.interrupted or message.model is not None:
        yield StartResponse(message_id=message_id, model=message.model)
    if message.interrupted:
        heard_text = message.heard_text
        yield InterruptResponse(generated_text=common["content"], heard_text=heard_text, source="barge_in")
    else:
        yield CompleteResponse(**common, usage=message.usage)


def _tool_calls(
    calls: Sequence[ToolCall], place: str, open_calls: set[str], *, is_agents_turn: bool
) -> Iterator[StartToolCall]:
    for index, call in enumerate(calls):
        path = f"{place}.tool_calls[{index}]"
        if not is_agents_turn:
            raise InvalidCommand(path, "is called while no message of the user waits for an answer.")
        try:
            arguments = msgspec.json.decode(call.function.arguments or "{}", type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidCommand(f"{path}.function.arguments", "is not a JSON object.") from error
        open_calls.add(call.id)
        yield StartToolCall(tool_call_id=call.id, name=call.function.name, arguments=arguments)
