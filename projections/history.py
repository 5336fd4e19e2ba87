"""The message rows of a piece of history, without any table: for those who have the events at hand."""

from collections.abc import Iterable, Iterator, Sequence

from domain.ports import RecordedEvent
from projections.changes import MessageAdded, MessageChange
from projections.compaction import compact
from projections.messages import project
from projections.rows import MessageRow


def message_rows(history: Iterable[RecordedEvent]) -> Sequence[MessageRow]:
    """The messages that the events make, as they leave them, in the order in which they were made.

    The `user_id` of the user's messages is the conversation's and is not filled here.
    """
    return later_messages((), history)


def later_messages(rows: Iterable[MessageRow], events: Iterable[RecordedEvent]) -> Sequence[MessageRow]:
    """What the events make of the messages before them, and those that they add. A change of any other is left out."""
    return compact(_changes(rows, events)).added


def _changes(rows: Iterable[MessageRow], events: Iterable[RecordedEvent]) -> Iterator[MessageChange]:
    for row in rows:
        yield MessageAdded(row)
    for recorded in events:
        yield from project(recorded)
