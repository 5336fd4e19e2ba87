"""What a conversation from elsewhere becomes: commands, decided one after the other before anything is stored."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec
from msgspec import Struct

from domain.conversation.commands import Command
from domain.conversation.conversation import Conversation
from domain.conversation.decider import decide
from domain.conversation.errors import InvalidCommand, Refusal
from domain.conversation.events import Event
from domain.conversation.evolution import evolve
from domain.envelope import Actor, Issued, Origin
from domain.ids import CommandId, ConversationId, TenantId
from domain.ports import RecordedEvent

_encoder = msgspec.json.Encoder()


class PastCommand(Struct, frozen=True, kw_only=True):
    """A command of a conversation that was held elsewhere.

    `command_id` must be the same whenever the same conversation is given again. A time that `is_time_made_up` may be
    another one then. `place` is where the input has it, such as `messages[3]`: the path that a refusal begins with.
    """

    command: Command
    occurred_at: datetime
    command_id: CommandId
    is_time_made_up: bool = False
    place: str = ""


class History(Struct, frozen=True, kw_only=True):
    """A whole conversation from its start on. `name` is what a report calls it, such as `line 7`."""

    name: str
    tenant_id: TenantId
    conversation_id: ConversationId
    commands: tuple[PastCommand, ...]


class Step(Struct, frozen=True):
    """A command with the events that it makes in its place of the history."""

    origin: Origin
    events: tuple[Event, ...]


class HistoryRefused(Exception):
    """A command of it is against the rules. `code` is the refusal's; the sentence names the place."""

    def __init__(self, place: str, refusal: Refusal) -> None:
        super().__init__(_sentence(place, refusal))
        self.code = refusal.code


def decided(history: History, actor: Actor) -> tuple[Step, ...]:
    """What the domain makes of the history. Commands whose wish is true already make no step.

    Raises:
        HistoryRefused: at the first command that the domain refuses.
    """
    conversation = Conversation(id=history.conversation_id, tenant_id=history.tenant_id)
    steps: list[Step] = []
    for past in history.commands:
        origin = _origin(history, past, actor)
        try:
            events = decide(Issued(command=past.command, origin=origin), conversation)
        except Refusal as refusal:
            raise HistoryRefused(past.place, refusal) from refusal
        for event in events:
            conversation = evolve(conversation, event, past.occurred_at)
        if events:
            steps.append(Step(origin, events))
    return tuple(steps)


def steps_present(steps: Sequence[Step], stored: Sequence[RecordedEvent]) -> int | None:
    """With how many of the steps the stored conversation begins; None when it is another one.

    It may have gone on after them.
    """
    index = 0
    for count, step in enumerate(steps):
        if index == len(stored):
            return count
        found = stored[index].origin
        if (found.command_id, found.digest) != (step.origin.command_id, step.origin.digest):
            return None
        while index < len(stored) and stored[index].origin.command_id == found.command_id:
            index += 1
    return len(steps)


def _origin(history: History, past: PastCommand, actor: Actor) -> Origin:
    given_time = None if past.is_time_made_up else past.occurred_at
    body = _encoder.encode((history.conversation_id, past.command, given_time))
    return Origin(
        command_id=past.command_id,
        occurred_at=past.occurred_at,
        actor=actor,
        digest=blake2b(body, digest_size=16).hexdigest(),
    )


def _sentence(place: str, refusal: Refusal) -> str:
    if not isinstance(refusal, InvalidCommand):
        return f"`{place}`: {refusal}" if place else str(refusal)
    path = f"{place}.{refusal.field}" if place else refusal.field
    return f"`{path}` {str(refusal).removeprefix(f'`{refusal.field}` ')}"
