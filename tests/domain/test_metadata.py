"""Metadata is merged, and bounded."""

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.errors import InvalidCommand, InvalidTransition
from domain.conversation.limits import MAX_METADATA_KEYS
from domain.conversation.transitions import State
from tests.support.decider import given
from tests.support.moments import ENDED, IDLE, SPEAKING

GOLD = e.MetadataChanged(metadata={"plan": "gold", "city": "Graz"})
FULL = e.MetadataChanged(metadata={f"key{number}": "x" for number in range(MAX_METADATA_KEYS)})


def test_a_change_is_merged_into_what_is_there() -> None:
    conversation = (
        given(*IDLE, GOLD)
        .when(c.ChangeMetadata(metadata={"city": "Linz", "age": "7"}))
        .then(e.MetadataChanged(metadata={"plan": "gold", "city": "Linz", "age": "7"}))
    )
    assert conversation.metadata == {"plan": "gold", "city": "Linz", "age": "7"}


def test_a_null_takes_the_key_away() -> None:
    given(*SPEAKING, GOLD).when(c.ChangeMetadata(metadata={"city": None})).then(
        e.MetadataChanged(metadata={"plan": "gold"})
    )


def test_what_is_so_already_is_no_change() -> None:
    given(*IDLE, GOLD).when(c.ChangeMetadata(metadata={"plan": "gold", "missing": None})).then_nothing()


def test_the_whole_stays_within_its_number_of_keys() -> None:
    given(*IDLE, FULL).when(c.ChangeMetadata(metadata={"one_more": "x"})).then_refused(
        InvalidCommand, field="metadata", code="invalid_command"
    )


def test_a_full_one_takes_a_key_in_exchange() -> None:
    exchanged = {**{key: value for key, value in FULL.metadata.items() if key != "key0"}, "one_more": "x"}
    given(*IDLE, FULL).when(c.ChangeMetadata(metadata={"key0": None, "one_more": "x"})).then(
        e.MetadataChanged(metadata=exchanged)
    )


def test_an_ended_conversation_keeps_its_metadata() -> None:
    given(*ENDED).when(c.ChangeMetadata(metadata={})).then_refused(InvalidTransition, state=State.ENDED)
