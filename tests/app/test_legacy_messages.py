"""Rules about messages: given older rows, when they are imported, then this is what was said."""

import pytest

from app.operations.transfer.legacy.repairs import Repair
from domain.conversation import commands as c
from domain.conversation.limits import MAX_CONTENT_BYTES
from tests.support.legacy import content_of, imported, message_row, metadata_of, session_row, started_with


def test_a_message_without_a_user_is_of_the_sessions() -> None:
    result = imported([session_row()], [{**message_row(1, "10:00:01"), "user_id": None}])

    assert started_with(result).user_id == "ada"
    assert result.notes[Repair.MESSAGE_USER_ID_MISSING] == ["1"]


def test_another_user_of_a_message_is_kept_in_itsmetadata_of() -> None:
    result = imported([session_row()], [message_row(1, "10:00:01", user_id="bob")])

    assert metadata_of(result.said[0].command) == {"legacy_id": "1", "legacy_user_id": "bob"}
    assert result.notes[Repair.MESSAGE_USER_ID_DIFFERS] == ["1"]


def test_a_message_with_a_number_keeps_it_in_itsmetadata_of() -> None:
    result = imported([session_row()], [message_row(7, "10:00:01")])

    assert metadata_of(result.said[0].command) == {"legacy_id": "7"}
    assert result.notes[Repair.MESSAGE_ID_DERIVED] == ["7"]


def test_a_row_that_says_nothing_new_is_left_out() -> None:
    result = imported([session_row()], [message_row(1, "10:00:01"), message_row(1, "10:00:01")])

    assert len(result.said) == 1
    assert result.notes[Repair.MESSAGE_REPEATED] == ["1"]


def test_another_message_with_the_same_id_is_kept_under_another() -> None:
    rows = [message_row(1, "10:00:01"), message_row(1, "10:00:01", content="Something else")]

    result = imported([session_row()], rows)

    assert [content_of(past.command) for past in result.said] == ["Hello", "Something else"]
    assert len({past.command_id for past in result.said}) == 2
    assert result.notes[Repair.MESSAGE_ID_REUSED] == ["1"]


@pytest.mark.parametrize("role", ["narrator", None])
def test_an_unknown_role_is_recorded_as_the_users_and_takes_no_turn(role: str | None) -> None:
    result = imported([session_row()], [message_row(1, "10:00:01", role)])

    command = result.said[0].command
    assert isinstance(command, c.RecordMessage)
    assert command.role == "user"
    assert command.metadata["legacy_role"] == (role or "")
    assert result.notes[Repair.ROLE_UNKNOWN] == ["1"]


@pytest.mark.parametrize("content", ["", None])
def test_a_message_without_content_is_there_all_the_same(content: str | None) -> None:
    result = imported([session_row()], [{**message_row(1, "10:00:01"), "content": content, "audio_url": "https://a/b"}])

    command = result.said[0].command
    assert isinstance(command, c.SubmitUserMessage)
    assert (command.content, command.audio_url) == ("", "https://a/b")
    assert result.notes[Repair.CONTENT_EMPTY] == ["1"]


def test_a_long_message_is_several_that_together_are_all_of_it() -> None:
    content = "äöü🙂" * 8_000

    result = imported([session_row()], [message_row(1, "10:00:01", content=content), message_row(2, "10:00:02", "ai")])

    pieces = result.said[:-1]
    assert "".join(content_of(past.command) for past in pieces) == content
    assert all(len(content_of(past.command).encode()) <= MAX_CONTENT_BYTES for past in pieces)
    assert [metadata_of(past.command)["legacy_part"] for past in pieces] == ["1/3", "2/3", "3/3"]
    assert isinstance(pieces[0].command, c.SubmitUserMessage)
    assert isinstance(result.said[-1].command, c.CompleteResponse), "the turn is one turn"
    assert result.notes[Repair.CONTENT_TOO_LONG] == ["1"]
