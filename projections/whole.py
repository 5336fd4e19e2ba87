"""The rows of whole conversations, from their first event on: what a rebuild copies and a verification expects."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from domain.ids import ConversationId
from domain.ports import RecordedEvent
from projections.applying import added_message
from projections.compaction import compact
from projections.registry import PROJECTIONS
from projections.rows import MessageRow, SessionRow


class WholeRows(Struct, frozen=True, kw_only=True):
    """Every row of some conversations, complete: sessions in the order of their events, so are the messages."""

    sessions: Sequence[SessionRow]
    messages: Sequence[MessageRow]


def whole_rows(events: Iterable[RecordedEvent]) -> WholeRows:
    """The rows of the conversations whose whole histories these are, each in order.

    What an event does to a row that no event has made is nothing, as in the tables.
    """
    rows = compact(change for recorded in events for project in PROJECTIONS for change in project(recorded))
    sessions = {row.id: row for row in rows.opened}
    return WholeRows(sessions=rows.opened, messages=[_complete(row, sessions) for row in rows.added])


def _complete(row: MessageRow, sessions: dict[ConversationId, SessionRow]) -> MessageRow:
    session = sessions.get(row.session_id)
    return row if session is None else added_message(row, session.user_id, session.language)
