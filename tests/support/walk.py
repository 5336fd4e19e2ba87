"""One conversation on a random walk, and what must hold after every step of it."""

from datetime import datetime

from adapters.codec.events import decode, encode, topic_of
from domain.conversation.commands import Command
from domain.conversation.conversation import Conversation
from domain.conversation.decider import decide
from domain.conversation.errors import Refusal
from domain.conversation.events import Event
from domain.conversation.evolution import evolve, fold
from domain.conversation.transitions import State, may_happen
from domain.envelope import Actor, Origin, Recorded
from domain.ids import CommandId, EventId
from tests.support.decider import CONVERSATION_ID, TENANT_ID, issued, numbered_uuid

UNBORN = Conversation(id=CONVERSATION_ID, tenant_id=TENANT_ID)


def recorded(event: Event, version: int, at: datetime) -> Recorded[Event]:
    """The event as the store keeps it, once it has been written and read."""
    origin = Origin(command_id=CommandId(numbered_uuid(version)), occurred_at=at, actor=Actor(), digest="")
    event_id = EventId(numbered_uuid(version))
    stored, schema_version = decode(topic_of(event), encode(event_id, origin, event))
    return Recorded(
        tenant_id=TENANT_ID,
        conversation_id=CONVERSATION_ID,
        version=version,
        position=version,
        event_id=event_id,
        event=stored.data,
        schema_version=schema_version,
        origin=stored.origin,
        recorded_at=at,
    )


class Walk:
    """One conversation, live and as stored."""

    def __init__(self) -> None:
        self.conversation = UNBORN
        self.history: list[Recorded[Event]] = []
        self._commands_issued = 0

    def issue(self, command: Command, at: datetime) -> str:
        """Decide, hold the events against the table and the store, and evolve. Gives the refusal's code, if any."""
        self._commands_issued += 1
        before = self.conversation
        try:
            happened = decide(issued(command, numbered_uuid(0x1000 + self._commands_issued), at), before)
        except Refusal as refusal:
            return refusal.code
        for event in happened:
            assert may_happen(type(event), self.conversation.state)
            self.history.append(recorded(event, len(self.history) + 1, at))
            assert self.history[-1].event == event, "what is stored is what was decided"
            self.conversation = evolve(self.conversation, event, at)
        if before.state is State.ENDED:
            assert self.conversation.state is State.ENDED, "the end is final"
        return ""

    def check_replay(self) -> None:
        """The events are the whole truth: a replay from zero gives the same conversation."""
        assert fold(UNBORN, self.history) == self.conversation

    def check_state(self) -> None:
        """What holds in every state that commands lead to."""
        conversation = self.conversation
        assert conversation.version == len(self.history)
        assert (conversation.response is not None) == (conversation.state is State.SPEAKING)
        if conversation.state in (None, State.IDLE, State.ENDED):
            assert conversation.queue == (), "nobody waits for a turn that nobody has"
            assert conversation.interrupted is None, "no turn is left open"
            assert conversation.open_tool_calls == ()
        ids = conversation.message_ids
        sealed = sum(len(chunk.uuids) + len(set(chunk.others)) for chunk in ids.sealed)
        assert len(set(ids.recent)) + sealed == conversation.message_count, "a message is counted once"
