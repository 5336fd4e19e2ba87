"""Random walks through the domain: what holds whatever is asked, in whatever order."""

import re
from datetime import datetime, timedelta
from random import Random
from typing import get_args

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from domain.conversation import commands as c
from domain.conversation.conversation import Conversation, allowed, status
from domain.conversation.decider import decide
from domain.conversation.errors import InvalidCommand, Refusal
from domain.conversation.events import Event
from domain.conversation.evolution import evolve
from domain.conversation.transitions import TRANSITIONS, state_after
from domain.conversation.values import GivenPolicies, OnBusy
from tests.support.decider import NOON, issued, message_id
from tests.support.exploration import well_formed_commands
from tests.support.strategies import commands, events, message_ids, odd_commands, origin_times
from tests.support.walk import UNBORN, Walk

COMMAND_TYPES_BY_NAME = {c.name_of(command_type): command_type for command_type in c.COMMAND_TYPES}
NEW_MESSAGES = (c.SubmitUserMessage, c.StartResponse, c.CompleteResponse, c.RecordMessage)
WITHOUT_CONSEQUENCE = {"correct_message", "record_feedback", "change_metadata", "end_conversation"}


def fitting_commands(conversation: Conversation) -> list[c.Command]:
    """What `allowed` offers of the commands that make something happen; any command after the end."""
    names = set(allowed(conversation)) - WITHOUT_CONSEQUENCE
    candidates = well_formed_commands(conversation)
    return [command for command in candidates if c.name_of(type(command)) in names] or list(candidates)


class ConversationMachine(RuleBasedStateMachine):
    """One conversation that many callers write to, with clocks that jump."""

    def __init__(self) -> None:
        super().__init__()
        self.walk = Walk()

    @property
    def conversation(self) -> Conversation:
        """As it is now."""
        return self.walk.conversation

    @initialize(on_busy=st.sampled_from(get_args(OnBusy)))
    def start(self, on_busy: OnBusy) -> None:
        """Without a conversation there is little to find."""
        self.issue(c.StartConversation(policies=GivenPolicies(on_busy=on_busy)), NOON)

    @rule(data=st.data(), at=origin_times())
    def something_that_fits(self, data: st.DataObject, at: datetime) -> None:
        """Somebody who knows the conversation asks for what goes on from here: walks get long by this."""
        command = data.draw(st.sampled_from(fitting_commands(self.conversation)))
        if isinstance(command, NEW_MESSAGES):
            command = replace(command, message_id=data.draw(st.none() | message_ids()))
        self.issue(command, at)

    @precondition(lambda self: self.conversation.is_active)
    @rule(data=st.data(), at=origin_times())
    def something_allowed(self, data: st.DataObject, at: datetime) -> None:
        """Somebody asks for what `allowed` offers, with random fields."""
        names = [name for name in allowed(self.conversation) if name != "end_conversation"]
        self.issue(data.draw(commands(COMMAND_TYPES_BY_NAME[data.draw(st.sampled_from(names))])), at)

    @rule(command=commands(), at=origin_times())
    def anything(self, command: c.Command, at: datetime) -> None:
        """Somebody asks for anything."""
        self.issue(command, at)

    @precondition(lambda self: self.conversation.version > 25)
    @rule(at=origin_times())
    def end(self, at: datetime) -> None:
        """Late enough that there was something to end."""
        self.issue(c.EndConversation(), at)

    @rule(command=odd_commands(), at=origin_times())
    def something_odd(self, command: c.Command, at: datetime) -> None:
        """Somebody builds a command that could not be sent."""
        self.issue(command, at)

    def issue(self, command: c.Command, at: datetime) -> None:
        """One step of the walk."""
        note(self.walk.issue(command, at))

    @invariant()
    def everything_holds(self) -> None:
        """After every step."""
        self.walk.check_state()
        self.walk.check_replay()


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


@pytest.mark.parametrize("seed", range(settings().max_examples))
def test_long_walks(seed: int) -> None:
    """Hypothesis shrinks well but walks short; this goes far into conversations that make sense."""
    dice = Random(seed)
    walk = Walk()
    walk.issue(c.StartConversation(policies=GivenPolicies(on_busy=dice.choice(get_args(OnBusy)))), NOON)
    for step in range(200):
        command = dice.choice(fitting_commands(walk.conversation))
        if isinstance(command, NEW_MESSAGES) and dice.random() < 0.5:  # of few ids at a time, so that they meet
            command = replace(command, message_id=message_id(step // 10 * 3 + dice.randrange(3)))
        walk.issue(command, NOON + timedelta(seconds=dice.randint(-60, 60)))
        walk.check_state()
    walk.issue(c.EndConversation(), NOON)
    walk.check_state()
    walk.check_replay()
