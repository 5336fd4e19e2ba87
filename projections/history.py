"""The message rows of a piece of history, without any table: for those who have the events at hand."""

from collections.abc import Iterable, Sequence

from domain.ports import RecordedEvent
from projections.compaction import compact
from projections.messages import project
from projections.rows import MessageRow


def message_rows(history: Iterable[RecordedEvent]) -> Sequence[MessageRow]:
    """The messages that the events make, as they leave them, in the order in which they were made.

    The `user_id` of the user's messages is the conversation's and is not filled here.
    """
    return compact(change for recorded in history for change in project(recorded)).added
