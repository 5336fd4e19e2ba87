"""What the core asks of the outside: small protocols, each implemented by adapters named after their technology."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from domain.conversation.events import Event
from domain.envelope import Origin, Recorded
from domain.errors import UnknownEvent
from domain.ids import CommandId, ConversationId, EventId, TenantId

RecordedEvent = Recorded[Event]


class Append(Struct, frozen=True):
    """The events of one command for one conversation; they are stored all or none.

    The first event gets `expected_version + 1`. `event_ids` has one id for each event.
    """

    tenant_id: TenantId
    conversation_id: ConversationId
    expected_version: int
    origin: Origin
    events: tuple[Event, ...]
    event_ids: tuple[EventId, ...]


class EventStore(Protocol):
    """The truth: the events of every conversation, appended and never changed."""

    async def append(self, append: Append) -> tuple[RecordedEvent, ...]:
        """Store the events; when this returns they are committed and flushed.

        Raises:
            VersionConflict: the conversation is not at the expected version; nothing stored.
            CommandRepeated: the tenant has used the command id before; nothing stored now.
            Overloaded: the queue is full; nothing stored.
            StoreUnavailable: the database is away; nothing stored.
            OutcomeUnknown: the database went away during the append; send the same command again.
        """
        ...

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        """The events with `after < version <= until` in order; empty when there are none or they are not the tenant's.

        Raises:
            UnreadableEvent: newer code wrote one of them, or it is damaged.
            StoreUnavailable: the database is away.
        """
        ...

    async def find_command(self, tenant_id: TenantId, command_id: CommandId) -> tuple[RecordedEvent, ...]:
        """The events that the command was stored as, in order; empty when it was not stored."""
        ...


class EventLog(Protocol):
    """All events of the store in the order of their positions."""

    async def read_page(self, after_position: int, limit: int) -> "EventPage":
        """At most `limit` events with a position above `after_position`. Positions have holes; events never
        appear later below a position that was read."""
        ...

    async def head_position(self) -> int:
        """The position of the last event, 0 when there is none."""
        ...


class UnreadablePlace(Struct, frozen=True, kw_only=True):
    """Where an event stands that cannot be read here. `code` is that of the error which says why."""

    tenant_id: TenantId
    conversation_id: ConversationId
    version: int
    position: int
    topic: str
    code: str = UnknownEvent.code


class EventPage(Struct, frozen=True):
    """`last_position` is where to go on; it counts the unreadable events, which `events` leaves out."""

    events: Sequence[RecordedEvent]
    last_position: int
    unreadable: Sequence[UnreadablePlace] = ()

    @property
    def unknown_events(self) -> int:
        """How many events newer code wrote."""
        return sum(place.code == UnknownEvent.code for place in self.unreadable)


class Clock(Protocol):
    """The wall clock of this node."""

    def now(self) -> datetime:
        """The time in UTC, with its time zone."""
        ...


class IdSource(Protocol):
    """New ids that sort by the time they were made."""

    def new_id(self) -> str:
        """A UUIDv7 in canonical text."""
        ...


class CommittedListener(Protocol):
    """Told of what this process has just stored, in the order of positions. Must be quick and must not raise."""

    def __call__(self, events: Sequence[RecordedEvent], /) -> None: ...
