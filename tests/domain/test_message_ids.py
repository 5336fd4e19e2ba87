"""The set of message ids, which seals itself into chunks as it grows."""

from domain.conversation.conversation import MessageIds
from domain.ids import MessageId
from tests.support.decider import message_id

CHUNK = 64


def with_messages(count: int) -> MessageIds:
    """The ids of messages 0 to `count` - 1."""
    ids = MessageIds()
    for number in range(count):
        ids = ids.adding(message_id(number))
    return ids


def test_none_at_first() -> None:
    assert len(MessageIds()) == 0
    assert message_id(0) not in MessageIds()


def test_every_id_is_found_on_both_sides_of_a_border() -> None:
    for count in (CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7):
        ids = with_messages(count)
        assert len(ids) == count
        assert all(message_id(number) in ids for number in range(count))
        assert message_id(count) not in ids


def test_adding_leaves_the_older_set_as_it_was() -> None:
    before = with_messages(CHUNK - 1)
    before.adding(message_id(CHUNK))
    assert len(before) == CHUNK - 1
    assert message_id(CHUNK) not in before


def test_full_chunks_are_sealed_and_the_rest_is_short() -> None:
    ids = with_messages(2 * CHUNK + 3)
    assert [len(chunk) for chunk in ids.sealed] == [CHUNK, CHUNK]
    assert len(ids.recent) == 3


def test_sets_that_grew_alike_are_equal_whether_they_were_asked_or_not() -> None:
    asked, not_asked = with_messages(2 * CHUNK), with_messages(2 * CHUNK)
    assert message_id(0) in asked
    assert asked == not_asked


def test_ids_that_are_no_uuids_are_found_too() -> None:
    odd = [MessageId(text) for text in ("", "question", "-" * 36, message_id(0xABC).upper(), f"{message_id(1)} ")]
    ids = MessageIds()
    for one in (*odd, *(message_id(number) for number in range(2, 2 * CHUNK))):
        ids = ids.adding(one)

    assert ids.sealed
    assert all(one in ids for one in odd)
    assert message_id(0xABC) not in ids
    assert MessageId("answer") not in ids
    assert 7 not in ids
    assert len(ids) == 2 * CHUNK + 3
