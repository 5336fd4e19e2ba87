"""Given the events of a page, then at most one change of each row is left, and it does what all of them did."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from adapters.memory.projection_store import MemoryProjectionStore
from domain.conversation import events as e
from domain.conversation.evolution import fold
from domain.conversation.values import Usage
from tests.support import moments as m
from tests.support.decider import CONVERSATION_ID, message_id
from tests.support.expected_rows import expected_messages, expected_session
from tests.support.histories import unborn
from tests.support.projecting import rows_of
from tests.support.recording import history

USAGE = Usage(output_tokens=9)
SECOND_BARGE_IN = replace(m.BARGE_IN, source="user", generated_text="At se", heard_text="At", resumed=True)
LATE_ANSWER = replace(m.ANSWER, content="At eight.", usage=USAGE, resumed=True)
CORRECTION = e.MessageCorrected(message_id=m.ANSWER_ID, content="At nine.")
FEEDBACK = e.FeedbackRecorded(message_id=m.ANSWER_ID, rating=5)
WORSE_FEEDBACK = e.FeedbackRecorded(message_id=m.ANSWER_ID, rating=1, comment="Closed.")
LATE = e.MessageRecorded(message_id=message_id(8), role="system", content="Bye.", late=True)
OTHER_ANSWER = e.ResponseCompleted(
    turn=2, message_id=message_id(7), response_id="response-2", model="small", content="Hm."
)
OTHER_MODEL = e.ResponseStarted(response_id="response-2", message_id=message_id(7), model="small")
NEXT_QUESTION = e.UserMessageReceived(message_id=message_id(6), turn=2, content="Else?")

STORIES = {
    "interrupted and resumed twice": (*m.INTERRUPTED, m.RESUMPTION, SECOND_BARGE_IN, m.RESUMPTION, LATE_ANSWER),
    "corrected, rated, rated again": (*m.ANSWERED, CORRECTION, FEEDBACK, WORSE_FEEDBACK),
    "corrected and then answered": (*m.INTERRUPTED, CORRECTION, m.RESUMPTION, LATE_ANSWER),
    "something after the end": (*m.ANSWERED, m.END, LATE, FEEDBACK),
    "failed, retried, failed": (*m.FAILED, e.TurnRetried(turn=1), m.CRASH),
    "an answer that nobody began": (*m.ANSWERED, NEXT_QUESTION, OTHER_ANSWER),
    "two answers": (*m.ANSWERED, NEXT_QUESTION, OTHER_MODEL, OTHER_ANSWER),
    "a tool call beside an answer": (*m.CALLING_TOOL, m.RESPONSE, m.ANSWER, NEXT_QUESTION, m.TOOL_CALL),
    "a message that waited": (*m.SPEAKING, m.WAITING, m.ANSWER, m.WAITING_TAKEN),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_wherever_a_page_begins_and_ends_the_rows_are_the_same(story: tuple[e.Event, ...]) -> None:
    conversation = fold(unborn(CONVERSATION_ID), history(story))

    for start in range(len(story)):
        for end in range(start + 1, len(story) + 1):
            paged = tables_of(story, [0, *range(1, start + 1), end, *range(end + 1, len(story) + 1)])
            assert paged.sessions[CONVERSATION_ID] == expected_session(conversation, history(story))
            assert list(paged.messages.values()) == expected_messages(unborn(CONVERSATION_ID), history(story))


def tables_of(story: tuple[e.Event, ...], page_ends: list[int]) -> MemoryProjectionStore:
    """The tables after the story in these pages."""
    events = history(story)
    tables = MemoryProjectionStore()
    for start, end in pairwise(page_ends):
        tables.write(rows_of(events[start:end]))
    return tables


def test_a_row_that_opens_in_the_page_is_not_changed_as_well() -> None:
    rows = rows_of(history((*m.INTERRUPTED, m.RESUMPTION, LATE_ANSWER, CORRECTION, FEEDBACK)))

    assert (len(rows.opened), len(rows.added), len(rows.changed), len(rows.edited)) == (1, 2, 0, 0)
    assert rows.added[1].content == "At nine."


def test_all_changes_of_a_row_become_one() -> None:
    rows = rows_of(history((*m.INTERRUPTED, m.RESUMPTION, LATE_ANSWER, CORRECTION, FEEDBACK))[4:])

    assert [change.session_id for change in rows.changed] == [CONVERSATION_ID]
    assert [change.message_id for change in rows.edited] == [m.ANSWER_ID]
    assert (rows.changed[0].version, rows.edited[0].content) == (8, "At nine.")
