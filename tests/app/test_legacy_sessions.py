"""Rules about sessions, their ids and what they carry: given older rows, when imported, then this comes of them."""

from typing import Final

import pytest

from app.operations.transfer.legacy.columns import tables_of
from app.operations.transfer.legacy.grouping import raw_sessions
from app.operations.transfer.legacy.identity import Identity
from app.operations.transfer.legacy.mapping import history_of
from app.operations.transfer.legacy.repairs import Notes, Repair
from domain.conversation import commands as c
from tests.support.decider import TENANT_ID, numbered_uuid
from tests.support.legacy import (
    SESSION_ID,
    at,
    imported,
    message_row,
    metadata_of,
    rows_of,
    session_row,
    started_with,
    terms,
)

HUGE_NUMBER: Final = '{"n": ' + "9" * 5_000 + "}"
DEEP: Final = '{"deep": ' + "[" * 9_000 + "]" * 9_000 + "}"

_IDENTITY: Final = Identity(tenant_id=TENANT_ID, source="legacy")


def test_a_session_without_a_user_has_that_of_its_messages() -> None:
    rows = [message_row(1, "10:00:01"), message_row(2, "10:00:02", "agent", user_id="agent-1")]

    result = imported([session_row(user_id=None)], rows)

    assert started_with(result).user_id == "ada"
    assert result.notes[Repair.USER_ID_FROM_MESSAGES] == [SESSION_ID]


def test_where_messages_name_several_users_the_session_has_none() -> None:
    rows = [message_row(1, "10:00:01"), message_row(2, "10:00:02", user_id="bob")]

    result = imported([session_row(user_id=None)], rows)

    assert started_with(result).user_id is None
    assert result.notes[Repair.USER_ID_UNKNOWN] == [SESSION_ID]


def test_messages_without_their_session_get_one_with_its_id() -> None:
    result = imported([], [message_row(1, "10:00:01"), message_row(2, "10:00:05")])

    assert result.history.conversation_id == SESSION_ID
    assert (result.start.occurred_at, result.ended_at) == (at("10:00:01"), at("10:00:05"))
    assert result.notes[Repair.SESSION_MISSING] == [SESSION_ID]
    assert Repair.START_MISSING not in result.notes


def test_messages_that_name_no_session_get_one() -> None:
    result = imported([], [{**message_row(1, "10:00:01"), "session_id": None}], "no session, user ada, 2024-01-01")

    assert started_with(result).metadata == {"legacy_id": "no session, user ada, 2024-01-01"}
    assert result.notes[Repair.SESSION_ID_MISSING] == ["no session, user ada, 2024-01-01"]


def test_rows_with_the_same_id_are_one_session() -> None:
    rows = [
        session_row(ended_at=None, metadata='{"a": "1"}'),
        session_row(user_id="bob", metadata='{"a": "2", "b": "3"}'),
    ]

    result = imported(rows)

    assert started_with(result).user_id == "ada"
    assert started_with(result).metadata == {"a": "1", "b": "3"}
    assert result.ended_at == at("10:30:00")
    assert result.notes[Repair.SESSION_REPEATED] == [SESSION_ID]


def test_an_id_that_is_no_uuid_becomes_one_always_the_same() -> None:
    first, again = imported([session_row(id="call-7")], [], "call-7"), imported([session_row()], [], "call-7")
    elsewhere = Identity(tenant_id=TENANT_ID, source="another database")

    assert first.history.conversation_id == again.history.conversation_id
    assert first.history.conversation_id != elsewhere.conversation_id("call-7")
    assert started_with(first).metadata["legacy_id"] == "call-7"
    assert first.notes[Repair.SESSION_ID_DERIVED] == ["call-7"]


def test_an_id_that_is_a_uuid_stays_in_lower_case() -> None:
    assert _IDENTITY.conversation_id(SESSION_ID.upper()) == SESSION_ID
    assert _IDENTITY.message_id(_IDENTITY.conversation_id(SESSION_ID), numbered_uuid(7)) == numbered_uuid(7)


def test_what_is_too_long_for_its_field_goes_into_themetadata_of() -> None:
    result = imported([session_row(user_id="u" * 300)])

    assert started_with(result).user_id is None
    assert started_with(result).metadata == {"legacy_user_id": "u" * 300}
    assert result.notes[Repair.VALUE_TOO_LONG] == [SESSION_ID]


@pytest.mark.parametrize(
    "text", ["[1, 2]", "7", "not json", '{"cut": ', '{"n": %s}' % ("9" * 5_000), '{"deep": %s}' % ("[" * 9_000)]
)
def test_metadata_that_is_no_object_is_kept_whole(text: str) -> None:
    result = imported([session_row(metadata=text)])

    assert started_with(result).metadata == {"legacy_metadata": text[:512]}
    assert result.notes[Repair.METADATA_NOT_AN_OBJECT] == [SESSION_ID]


def test_a_long_value_is_cut() -> None:
    result = imported([session_row(metadata='{"note": "%s", "deep": {"a": [1, null]}}' % ("x" * 600))])

    assert started_with(result).metadata == {"note": "x" * 512, "deep": '{"a":[1,null]}'}
    assert result.notes[Repair.METADATA_CUT] == [SESSION_ID]


def test_of_many_keys_sixteen_are_kept_and_the_rest_is_counted() -> None:
    many = ", ".join(f'"key{number:02}": {number}' for number in range(20))

    result = imported([session_row(metadata=f"{{{many}}}")])

    assert list(started_with(result).metadata.items())[-1] == ("key15", "15")
    assert len(result.notes[Repair.METADATA_LEFT_OUT]) == 4


def test_what_nobody_can_store_is_replaced() -> None:
    result = imported([session_row(metadata=r'{"nul": "a\u0000b", "half": "\ud800", "whole": "\ud83d\ude42"}')])

    assert started_with(result).metadata == {"nul": "a\ufffdb", "half": "\ufffd", "whole": "🙂"}
    assert result.notes[Repair.CHARACTERS_REPLACED] == [SESSION_ID] * 2


async def test_a_session_that_is_too_long_goes_on_in_another() -> None:
    messages = [message_row(number, f"10:00:0{number}") for number in range(1, 6)]
    grouped = raw_sessions(rows_of(session_row()), rows_of(*messages), max_part_messages=2)
    notes = Notes()

    first, second, third = [history_of(raw, terms(), notes) async for raw in grouped]

    assert [len(history.commands) for history in (first, second, third)] == [4, 4, 3]
    assert first.conversation_id == SESSION_ID
    for history in (second, third):
        start = history.commands[0].command
        assert isinstance(start, c.StartConversation)
        assert start.parent_id == SESSION_ID
    assert first.commands[-1].occurred_at == at("10:00:02")
    assert third.commands[-1].occurred_at == at("10:30:00")
    assert [legacy_id for repair, legacy_id in notes.found if repair is Repair.SESSION_TOO_LONG] == [SESSION_ID] * 2


def test_columns_that_mean_nothing_here_go_into_themetadata_of() -> None:
    result = imported([session_row(mood="calm")], [message_row(1, "10:00:01", mood="tense")])

    assert started_with(result).metadata == {"legacy_mood": "calm"}
    assert metadata_of(result.said[0].command) == {"legacy_id": "1", "legacy_mood": "tense"}


def test_of_columns_that_mean_the_same_the_first_counts_and_the_others_are_kept() -> None:
    tables = tables_of(("id", "session_id"), ("id", "message_id", "conversation_id", "role", "sender", "content"))

    assert tables.sessions.named("id") == ("session_id", "id")
    assert tables.sessions.extra == ("id",)
    assert tables.messages.named("role") == ("role", "sender")
    assert tables.messages.extra == ("id", "sender")
