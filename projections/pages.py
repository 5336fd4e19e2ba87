"""A page of events on its way to rows: the changes of each conversation, and what stops it."""

from collections.abc import Collection, Container, Iterable, Sequence

from domain.ids import ConversationId
from domain.ports import EventPage, RecordedEvent
from projections.changes import Change
from projections.compaction import RowChanges, compact
from projections.ports import RowsRejected
from projections.quarantine import Poison, not_projectable, rows_rejected, unreadable
from projections.registry import Projection

ProjectedEvent = tuple[RecordedEvent, list[Change]]


class PageChanges:
    """What the page does to the rows, without the conversations that are parked and what comes after a poison."""

    def __init__(self, page: EventPage, parked: Container[ConversationId], projections: Sequence[Projection]) -> None:
        self._events: dict[ConversationId, list[ProjectedEvent]] = {}
        self._poison: dict[ConversationId, Poison] = {}
        for place in page.unreadable:
            if place.conversation_id not in parked:
                self._poison.setdefault(place.conversation_id, unreadable(place))
        for recorded in page.events:
            if recorded.conversation_id not in parked:
                self._project(recorded, projections)

    @property
    def conversations(self) -> Sequence[ConversationId]:
        """Those that have changes."""
        return tuple(self._events)

    @property
    def poison(self) -> Sequence[Poison]:
        """What stops conversations in this page, one for each."""
        return tuple(self._poison.values())

    def events_of(self, conversation_id: ConversationId) -> int:
        """How many events of the conversation have become changes."""
        return len(self._events[conversation_id])

    def rows(self) -> RowChanges:
        """Of all conversations.

        Raises:
            RowsRejected: changes do not go together.
        """
        return compacted(change for events in self._events.values() for _, made in events for change in made)

    def rows_of(self, conversations: Collection[ConversationId], max_events: int | None = None) -> RowChanges:
        """Of the first `max_events` events of these conversations. Raises as `rows`."""
        events = (event for conversation in conversations for event in self._events[conversation][:max_events])
        return compacted(change for _, made in events for change in made)

    def stop(self, conversation_id: ConversationId, kept_events: int, error: str) -> None:
        """The database accepts so many events of the conversation and refuses the next."""
        events = self._events[conversation_id]
        self._poison[conversation_id] = rows_rejected(events[kept_events][0], error)
        self._events[conversation_id] = events[:kept_events]
        if not kept_events:
            del self._events[conversation_id]

    def _project(self, recorded: RecordedEvent, projections: Sequence[Projection]) -> None:
        conversation_id = recorded.conversation_id
        poison = self._poison.get(conversation_id)
        if poison is not None and recorded.position > poison.position:
            return
        try:
            changes = [change for project in projections for change in project(recorded)]
        except Exception as error:  # noqa: BLE001 - whatever a projection fails on, it would fail on again
            self._poison[conversation_id] = not_projectable(recorded, error)
        else:
            self._events.setdefault(conversation_id, []).append((recorded, changes))


def compacted(changes: Iterable[Change]) -> RowChanges:
    """As `compact`.

    Raises:
        RowsRejected: the changes do not go together.
    """
    try:
        return compact(changes)
    except Exception as error:  # noqa: BLE001 - as above; its text may quote a row
        raise RowsRejected(type(error).__name__) from None
