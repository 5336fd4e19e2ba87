"""Walks through every kind of situation that a conversation can come into."""

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import get_args

from domain.conversation import commands as c
from domain.conversation.conversation import Conversation
from domain.conversation.decider import decide
from domain.conversation.errors import Refusal
from domain.conversation.evolution import evolve
from domain.conversation.values import GivenPolicies, OnBusy
from tests.support.decider import NOON, conversation_after, issued, message_id, numbered_uuid


def well_formed_commands(conversation: Conversation) -> tuple[c.Command, ...]:
    """One command of each kind that names only what the conversation has, and so is refused by its state alone."""
    known = next(iter(conversation.message_ids.recent), message_id(1))
    tool_call_id = next(iter(conversation.open_tool_calls), "call-1")
    return (
        c.StartConversation(),
        c.StartListening(),
        c.StopListening(),
        c.SubmitUserMessage(content="A table for two?"),
        c.StartResponse(),
        c.CompleteResponse(content="At seven."),
        c.InterruptResponse(),
        c.CancelResponse(),
        c.ResumeSpeech(),
        c.FailTurn(code="crash", message="The agent is gone.", retryable=True),
        c.FailTurn(code="quota", message="The quota is used up."),
        c.RetryTurn(),
        c.StartToolCall(tool_call_id=f"call-{conversation.version}", name="find_table"),
        c.CompleteToolCall(tool_call_id=tool_call_id),
        c.RecordMessage(role="system", content="The call is recorded."),
        c.CorrectMessage(message_id=known, content="A table for three?"),
        c.RecordFeedback(message_id=known, rating=1),
        c.ChangeMetadata(metadata={"version": str(conversation.version)}),
        c.EndConversation(),
    )


def reachable_conversations() -> Iterator[Conversation]:
    """One conversation of every situation that commands lead to, under every policy."""
    numbers = count(1)
    for on_busy in get_args(OnBusy):
        start = c.StartConversation(policies=GivenPolicies(on_busy=on_busy))
        waiting = deque([conversation_after(decide(issued(start), conversation_after([])))])
        met = {_situation(waiting[0])}
        while waiting:
            conversation = waiting.popleft()
            yield conversation
            for command in well_formed_commands(conversation):
                after = _after(conversation, command, numbered_uuid(next(numbers)))
                if _situation(after) not in met:
                    met.add(_situation(after))
                    waiting.append(after)


def _after(conversation: Conversation, command: c.Command, command_id: str) -> Conversation:
    try:
        events = decide(issued(command, command_id), conversation)
    except Refusal:
        return conversation
    for event in events:
        conversation = evolve(conversation, event, NOON)
    return conversation


def _situation(conversation: Conversation) -> tuple[object, ...]:
    """All that decisions look at, without the names and numbers."""
    return (
        conversation.state,
        conversation.response is None,
        conversation.response is not None and conversation.response.resumed,
        conversation.interrupted is None,
        conversation.fault and conversation.fault.retryable,
        bool(conversation.open_tool_calls),
        min(len(conversation.queue), 2),
        conversation.answered,
        len(conversation.message_ids) > 0,
    )
