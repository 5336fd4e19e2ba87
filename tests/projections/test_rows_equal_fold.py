"""P4: whatever happened, in whatever pages it was projected, the rows are what the conversations fold into."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.projection_store import MemoryProjectionStore
from domain.conversation.conversation import allowed, status
from domain.conversation.evolution import fold
from domain.ports import RecordedEvent
from projections.compaction import compact
from projections.registry import PROJECTIONS
from projections.rows import conversation_of
from tests.support.expected_rows import expected_messages, expected_session
from tests.support.histories import Happening, happenings, unborn
from tests.support.recording import recorded_log


@given(happenings(), st.sets(st.integers(0, 120)))
def test_rows_equal_the_fold_wherever_the_pages_end(history: list[Happening], page_ends: set[int]) -> None:
    log = recorded_log(history)
    tables = MemoryProjectionStore()

    for start, end in pairwise([0, *sorted(page_ends), len(log)]):
        tables.write(
            compact(change for event in log[start:end] for project in PROJECTIONS for change in project(event))
        )

    for conversation_id in {event.conversation_id for event in log}:
        story = [event for event in log if event.conversation_id == conversation_id]
        assert_rows_equal_fold(tables, story)


def assert_rows_equal_fold(tables: MemoryProjectionStore, history: Sequence[RecordedEvent]) -> None:
    """One conversation's rows are what its history says, and so is all that is derived from them."""
    nothing_yet = unborn(history[0].conversation_id)
    conversation = fold(nothing_yet, history)
    session = tables.sessions[conversation.id]
    assert session == expected_session(conversation, history)
    assert session.duration_seconds == conversation.duration_seconds
    assert session.is_active == conversation.is_active
    assert status(conversation_of(session)) == status(conversation)
    assert allowed(conversation_of(session)) == allowed(conversation)
    messages = [row for row in tables.messages.values() if row.session_id == conversation.id]
    assert sorted(messages, key=lambda row: row.version) == expected_messages(nothing_yet, history)
