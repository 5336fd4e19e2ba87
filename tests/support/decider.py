"""The grammar of the domain's tests: `given(*events).when(command).then(*events)`.

Clock and ids are fixed: every given event occurred at `NOON`, and the command has the id `COMMAND_ID`, which is also
the id of what it makes where the command names none.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from domain.conversation.commands import Command
from domain.conversation.conversation import Conversation
from domain.conversation.decider import decide
from domain.conversation.errors import Refusal
from domain.conversation.events import Event
from domain.conversation.evolution import evolve
from domain.envelope import Actor, Issued, Origin
from domain.ids import CommandId, ConversationId, MessageId, TenantId

NOON: Final = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
TENANT_ID: Final = TenantId("00000000-0000-0000-0000-00000000aaaa")
CONVERSATION_ID: Final = ConversationId("00000000-0000-7000-8000-00000000cccc")


def numbered_uuid(number: int) -> str:
    """A canonical UUID that is easy to tell apart in a failure."""
    return f"00000000-0000-7000-8000-{number:012x}"


def message_id(number: int) -> MessageId:
    """The id of message `number` of a test."""
    return MessageId(numbered_uuid(number))


COMMAND_ID: Final = CommandId(numbered_uuid(0xC0DE))
OWN_MESSAGE_ID: Final = MessageId(COMMAND_ID)
"""The id that a message has when its command names none."""


def issued(command: Command, command_id: str = COMMAND_ID, at: datetime = NOON) -> Issued[Command]:
    """The command as it comes in at `at`."""
    origin = Origin(command_id=CommandId(command_id), occurred_at=at, actor=Actor(), digest="")
    return Issued(command=command, origin=origin)


def conversation_after(events: Iterable[Event], at: datetime = NOON) -> Conversation:
    """The conversation that these events make."""
    conversation = Conversation(id=CONVERSATION_ID, tenant_id=TENANT_ID)
    for event in events:
        conversation = evolve(conversation, event, at)
    return conversation


class Outcome:
    """What is to be expected of one command in one conversation."""

    def __init__(self, conversation: Conversation, issued_command: Issued[Command]) -> None:
        self._conversation = conversation
        self._issued = issued_command

    def then(self, *expected: Event) -> Conversation:
        """Exactly these events happen. Gives the conversation after them."""
        events = decide(self._issued, self._conversation)
        assert events == expected
        for event in events:
            self._conversation = evolve(self._conversation, event, self._issued.origin.occurred_at)
        return self._conversation

    def then_nothing(self) -> None:
        """The wish is true already: success without an event."""
        assert decide(self._issued, self._conversation) == ()

    def then_refused(self, refusal: type[Refusal], **attributes: object) -> None:
        """It is refused with exactly this error, which carries these attributes."""
        with pytest.raises(refusal) as caught:
            decide(self._issued, self._conversation)
        assert type(caught.value) is refusal
        assert {name: getattr(caught.value, name) for name in attributes} == attributes


class Given:
    """A conversation of which commands are to be tried."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def when(self, command: Command, *, seconds_later: float = 0) -> Outcome:
        """Somebody issues the command, so long after the given events."""
        return Outcome(self._conversation, issued(command, at=NOON + timedelta(seconds=seconds_later)))


def given(*events: Event) -> Given:
    """These events have happened; none at all means that there is no conversation."""
    return Given(conversation_after(events))


def given_conversation(conversation: Conversation) -> Given:
    """This conversation exists, however it came to be."""
    return Given(conversation)
