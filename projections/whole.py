"""The rows of whole conversations, from their first event on: what a rebuild copies and a verification expects."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from msgspec import Struct

from domain.errors import TurnlogError
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from projections.applying import added_message
from projections.changes import Change
from projections.compaction import compact
from projections.registry import PROJECTIONS, Projection
from projections.rows import MessageRow, SessionRow


class NotProjectable(TurnlogError):
    """A projection fails on the event, and would again. Rows made without it would be wrong."""

    code: ClassVar[str] = "not_projectable"

    def __init__(self, recorded: RecordedEvent, error: Exception) -> None:
        super().__init__(
            f"Event {recorded.version} of conversation {recorded.conversation_id} cannot become rows: "
            f"{type(error).__name__}."
        )


class WholeRows(Struct, frozen=True, kw_only=True):
    """Every row of some conversations, complete: sessions in the order of their events, so are the messages."""

    sessions: Sequence[SessionRow]
    messages: Sequence[MessageRow]


def whole_rows(events: Iterable[RecordedEvent]) -> WholeRows:
    """The rows of the conversations whose whole histories these are, each in order.

    What an event does to a row that no event has made is nothing, as in the tables. Raises NotProjectable.
    """
    rows = compact(projected(events, PROJECTIONS))
    sessions = {row.id: row for row in rows.opened}
    return WholeRows(sessions=rows.opened, messages=[_complete(row, sessions) for row in rows.added])


def projected(events: Iterable[RecordedEvent], projections: Sequence[Projection]) -> Iterator[Change]:
    """What the events do to rows, one after the other. Raises NotProjectable: nothing is left out."""
    for recorded in events:
        try:
            for project in projections:
                yield from project(recorded)
        except Exception as error:
            raise NotProjectable(recorded, error) from error


def _complete(row: MessageRow, sessions: dict[ConversationId, SessionRow]) -> MessageRow:
    session = sessions.get(row.session_id)
    return row if session is None else added_message(row, session.user_id, session.language)
