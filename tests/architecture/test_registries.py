"""Every event and command stands in every table that must know it, and tags are as they were written by hand."""

import re
from typing import get_args

import pytest

from domain.conversation import commands
from domain.conversation.commands import COMMAND_TYPES, Command, name_of
from domain.conversation.events import EVENT_TYPES, Event, EventBase, tag_of
from domain.conversation.transitions import OPENINGS, STAY, TRANSITIONS, State, mermaid

SNAKE_CASE = re.compile(r"[a-z]+(_[a-z]+)*")


def test_every_event_has_its_row_in_the_order_of_the_union() -> None:
    assert tuple(TRANSITIONS) == EVENT_TYPES == get_args(Event)


def test_every_command_has_its_opening_in_the_order_of_the_union() -> None:
    assert tuple(OPENINGS) == COMMAND_TYPES == get_args(Command)


def test_no_event_or_command_is_left_out_of_its_union() -> None:
    assert set(EventBase.__subclasses__()) == set(EVENT_TYPES)
    assert set(commands.CommandBase.__subclasses__()) == set(COMMAND_TYPES)


@pytest.mark.parametrize("names", [[tag_of(t) for t in EVENT_TYPES], [name_of(t) for t in COMMAND_TYPES]])
def test_tags_are_unique_and_plain(names: list[str]) -> None:
    assert len(set(names)) == len(names)
    assert all(SNAKE_CASE.fullmatch(name) for name in names)


@pytest.mark.parametrize("struct_type", [*EVENT_TYPES, *COMMAND_TYPES], ids=lambda struct_type: struct_type.__name__)
def test_tags_are_given_by_hand_and_structs_are_frozen_and_keyword_only(struct_type: type[Event | Command]) -> None:
    config = struct_type.__struct_config__
    assert isinstance(config.tag, str)
    assert config.tag != struct_type.__name__
    assert config.frozen
    assert struct_type.__match_args__ == (), "keyword-only"
    assert config.omit_defaults


def test_events_are_named_as_facts_and_commands_as_wishes() -> None:
    assert {name_of(t) for t in COMMAND_TYPES}.isdisjoint(tag_of(t) for t in EVENT_TYPES)
    assert all(tag.split("_")[-1].endswith("ed") for tag in map(tag_of, EVENT_TYPES))


def test_every_state_can_be_reached_and_only_the_end_is_final() -> None:
    targets = {row.target for row in TRANSITIONS.values()} - {STAY}
    assert targets == set(State)
    leavers = [row for row in TRANSITIONS.values() if State.ENDED in row.sources]
    assert all(row.target == STAY for row in leavers)


def test_the_picture_shows_every_event_that_changes_the_state() -> None:
    moving = {tag_of(event_type) for event_type, row in TRANSITIONS.items() if row.target != STAY}
    assert {tag for tag in map(tag_of, EVENT_TYPES) if tag in mermaid()} == moving
