"""Histories that the domain itself has decided: several conversations, one after the other or interleaved."""

from datetime import datetime

from hypothesis import strategies as st
from msgspec.structs import replace

from domain.conversation import commands as c
from domain.conversation.conversation import Conversation, allowed
from domain.conversation.decider import decide
from domain.conversation.errors import Refusal
from domain.conversation.events import Event
from domain.conversation.evolution import evolve
from domain.conversation.values import GivenPolicies
from domain.ids import ConversationId
from tests.support.decider import TENANT_ID, issued, numbered_uuid
from tests.support.exploration import well_formed_commands
from tests.support.strategies import commands, origin_times

Happening = tuple[ConversationId, Event, datetime]
"""Which conversation, what, and when."""

_TYPES_BY_NAME = {c.name_of(command_type): command_type for command_type in c.COMMAND_TYPES}


def unborn(conversation_id: ConversationId) -> Conversation:
    """A conversation before its first event."""
    return Conversation(id=conversation_id, tenant_id=TENANT_ID)


@st.composite
def happenings(draw: st.DrawFn, max_conversations: int = 3, max_commands: int = 40) -> list[Happening]:
    """What some callers did to some conversations, in the order in which it was stored."""
    size = draw(st.integers(1, max_conversations))
    conversations = [unborn(ConversationId(numbered_uuid(0xC0000 + number))) for number in range(size)]
    history: list[Happening] = []
    for number in range(draw(st.integers(size, max_commands))):
        index = number if number < size else draw(st.integers(0, size - 1))
        at = draw(origin_times())
        command = _start(draw) if number < size else _command(draw, conversations[index])
        for event in _decided(command, numbered_uuid(0x1000 + number), at, conversations[index]):
            conversations[index] = evolve(conversations[index], event, at)
            history.append((conversations[index].id, event, at))
    return history


def _start(draw: st.DrawFn) -> c.Command:
    start = draw(commands(c.StartConversation))
    assert isinstance(start, c.StartConversation)
    policies = GivenPolicies(on_busy=draw(st.sampled_from(["reject", "interrupt", "enqueue"])))
    return replace(start, policies=policies)


def _command(draw: st.DrawFn, conversation: Conversation) -> c.Command:
    """Mostly what goes on from here, sometimes with fields of every kind, seldom the end."""
    names = set(allowed(conversation))
    if draw(st.integers(0, 30)):
        names -= {"end_conversation"}
    fitting = [command for command in well_formed_commands(conversation) if c.name_of(type(command)) in names]
    if not fitting:
        return draw(commands(c.RecordMessage))
    command = draw(st.sampled_from(fitting))
    return command if draw(st.booleans()) else draw(commands(_TYPES_BY_NAME[c.name_of(type(command))]))


def _decided(command: c.Command, command_id: str, at: datetime, conversation: Conversation) -> tuple[Event, ...]:
    try:
        return decide(issued(command, command_id, at), conversation)
    except Refusal:
        return ()
