"""Random walks through the domain: what holds whatever is asked, in whatever order."""

import re
from datetime import datetime

from hypothesis import given, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.codec.events import decode, encode, topic_of
from domain.conversation import commands as c
from domain.conversation.conversation import Conversation, allowed, status
from domain.conversation.decider import decide
from domain.conversation.errors import InvalidCommand, Refusal
from domain.conversation.events import Event
from domain.conversation.evolution import evolve, fold
from domain.conversation.transitions import TRANSITIONS, State, may_happen, state_after
from domain.envelope import Actor, Origin, Recorded
from domain.ids import CommandId, EventId
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, issued, numbered_uuid
from tests.support.strategies import commands, events, odd_commands, origin_times

COMMAND_TYPES_BY_NAME = {c.name_of(command_type): command_type for command_type in c.COMMAND_TYPES}
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


class ConversationMachine(RuleBasedStateMachine):
    """One conversation that many callers write to, with clocks that jump."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = UNBORN
        self.history: list[Recorded[Event]] = []
        self.commands_issued = 0

    @rule(command=commands(), at=origin_times())
    def anything(self, command: c.Command, at: datetime) -> None:
        """Somebody asks for anything."""
        self.issue(command, at)

    @precondition(lambda self: self.conversation.is_active)
    @rule(data=st.data(), at=origin_times())
    def something_allowed(self, data: st.DataObject, at: datetime) -> None:
        """Somebody asks for what `allowed` offers, without bringing the conversation to its end."""
        names = [name for name in allowed(self.conversation) if name != "end_conversation"]
        self.issue(data.draw(commands(COMMAND_TYPES_BY_NAME[data.draw(st.sampled_from(names))])), at)

    @rule(command=odd_commands(), at=origin_times())
    def something_odd(self, command: c.Command, at: datetime) -> None:
        """Somebody builds a command that could not be sent."""
        self.issue(command, at)

    def issue(self, command: c.Command, at: datetime) -> None:
        """Decide, hold the events against the table and the store, and evolve."""
        self.commands_issued += 1
        command_id = numbered_uuid(0x1000 + self.commands_issued)
        before = self.conversation
        try:
            happened = decide(issued(command, command_id, at), before)
        except Refusal as refusal:
            note(f"refused: {refusal.code}")
            return
        for event in happened:
            assert may_happen(type(event), self.conversation.state)
            self.history.append(recorded(event, len(self.history) + 1, at))
            assert self.history[-1].event == event, "what is stored is what was decided"
            self.conversation = evolve(self.conversation, event, at)
        if before.state is State.ENDED:
            assert self.conversation.state is State.ENDED, "the end is final"

    @invariant()
    def a_replay_from_zero_gives_the_same(self) -> None:
        """The events are the whole truth."""
        assert fold(UNBORN, self.history) == self.conversation

    @invariant()
    def the_version_counts_the_events(self) -> None:
        """Without holes and without doubles."""
        assert self.conversation.version == len(self.history)

    @invariant()
    def nobody_waits_for_a_turn_that_nobody_has(self) -> None:
        """A queue that nothing empties would be stuck."""
        if self.conversation.state in (None, State.IDLE, State.ENDED):
            assert self.conversation.queue == ()

    @invariant()
    def no_turn_is_open_where_nobody_has_it(self) -> None:
        """Whoever ends a turn closes all of it."""
        if self.conversation.state in (None, State.IDLE, State.ENDED):
            assert self.conversation.response is None
            assert self.conversation.interrupted is None
            assert self.conversation.open_tool_calls == ()
        assert (self.conversation.response is not None) == (self.conversation.state is State.SPEAKING)

    @invariant()
    def every_message_is_counted_once(self) -> None:
        """No id stands in the set twice."""
        ids = self.conversation.message_ids
        assert len(set(ids.recent).union(*ids.sealed)) == self.conversation.message_count


TestConversation = ConversationMachine.TestCase


@given(st.lists(events(), max_size=12))
def test_events_fold_in_whatever_order_they_stand(history: list[Event]) -> None:
    """History that was written under other rules still folds, and what is derived from it is still there."""
    conversation, state = UNBORN, UNBORN.state
    for event in history:
        conversation = evolve(conversation, event, NOON)
        state = state_after(type(event), state)
        assert conversation.state is state
        assert status(conversation) is None or state is not None
        assert set(allowed(conversation)) <= set(COMMAND_TYPES_BY_NAME)
        assert conversation.duration_seconds in (None, 0)
    assert conversation.version == len(history)


@given(st.lists(events(), max_size=12), commands())
def test_in_whatever_state_a_command_is_decided_or_refused(history: list[Event], command: c.Command) -> None:
    """No conversation is so odd that `decide` fails on it."""
    conversation = UNBORN
    for event in history:
        conversation = evolve(conversation, event, NOON)
    try:
        happened = decide(issued(command), conversation)
    except Refusal:
        return
    state = conversation.state
    for event in happened:
        assert state in TRANSITIONS[type(event)].sources
        state = state_after(type(event), state)


@given(odd_commands())
def test_an_odd_command_is_refused_by_its_field_or_harmless(command: c.Command) -> None:
    """The path of the culprit begins with a field of the command."""
    culprit = None
    try:
        decide(issued(command), UNBORN)
    except InvalidCommand as refusal:
        culprit = refusal.field
        str(refusal).encode()
    except Refusal as refusal:
        note(f"harmless: {refusal.code}")
    assert culprit is None or re.split(r"[.\[]", culprit)[0] in command.__struct_fields__
