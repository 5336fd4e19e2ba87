"""What the use cases ask of the outside, beside the event store."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from app.queries import ConversationQuery, MessageQuery, RowPage, StatisticsQuery
from app.searching import SearchPage, SearchQuery
from domain.ids import CommandId, ConversationId, TenantId
from projections.rows import MessageRow, SessionRow


class PositionWaiter(Protocol):
    """Knows how far the projections of this process, or of the one that leads, have come."""

    async def wait(self, position: int, seconds: float) -> bool:
        """Whether the tables have come to the position within so many seconds."""
        ...


class ReadModels(Protocol):
    """The tables that the projections write. They follow the events, by milliseconds or by a backlog.

    Every method takes the tenant, and another tenant's rows are as absent as those that never were. Those that read
    raise `StoreUnavailable` when the database is away.
    """

    async def get_conversation(self, tenant_id: TenantId, conversation_id: ConversationId) -> SessionRow | None:
        """The conversation's row; any text may be asked for."""
        ...

    async def list_conversations(self, tenant_id: TenantId, query: ConversationQuery) -> RowPage[SessionRow]:
        """The conversations that match, in the order of their start.

        Raises:
            InvalidQuery: the cursor is not a conversation of the tenant.
        """
        ...

    async def list_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId, query: MessageQuery
    ) -> RowPage[MessageRow]:
        """The messages that match, in the order in which they were made; empty for an unknown conversation.

        Raises:
            InvalidQuery: the cursor is not a message of the conversation.
        """
        ...

    async def checkpoint_position(self) -> int:
        """The position that the tables are at, as the database says."""
        ...

    async def count_sessions(self) -> "SessionCounts":
        """The conversations of all tenants. Reads an index from end to end."""
        ...

    async def wait_for_position(self, position: int, seconds: float) -> bool:
        """Whether the tables have come to the position within so many seconds. Costs nothing when they have."""
        ...


class MessageSearch(Protocol):
    """Finds messages of one tenant by their words, each by the rules of its conversation's language."""

    async def search(self, tenant_id: TenantId, query: SearchQuery) -> SearchPage:
        """The messages that match, newest first, with the pieces of text that match.

        Raises:
            InvalidQuery: there is no word to look for, or it is in too many messages.
            TooManySearches: see there.
            StoreUnavailable: the database is away.
        """
        ...


class SessionCounts(Struct, frozen=True, kw_only=True):
    """How many conversations there are, and how many of them live."""

    active: int
    total: int


class RawEvent(Struct, frozen=True, kw_only=True):
    """An event exactly as its row has it, whether or not this release can read it."""

    conversation_id: ConversationId
    version: int
    topic: str
    state: bytes
    tenant_id: TenantId
    command_id: CommandId | None
    recorded_at: datetime
    position: int


class EventSelection(Struct, frozen=True, kw_only=True):
    """Which events: those that match all that is given. `since_position` is exclusive."""

    conversation_ids: tuple[ConversationId, ...] = ()
    tenant_id: TenantId | None = None
    ended_before: datetime | None = None
    since_position: int = 0


class RowSelection(Struct, frozen=True, kw_only=True):
    """Which rows of the read tables: those that match all that is given. The time is that at which the conversation
    started, or the message was made; `until` is exclusive."""

    conversation_ids: tuple[ConversationId, ...] = ()
    tenant_id: TenantId | None = None
    user_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


Fault = Literal["different", "hole", "tenant", "command"]
"""Why the events of a conversation are not taken over: the version is there with another content; the one before it is
not there; the conversation is another tenant's; the command id made something else."""


class TakenOver(Struct, frozen=True, kw_only=True):
    """What became of the events of one conversation. With a `fault`, which `version` shows first, none was stored."""

    conversation_id: ConversationId
    fault: Fault | None
    version: int | None
    added: int
    present: int


class Latencies(Struct, frozen=True, kw_only=True):
    """Of so many turns. Half of them took no longer than `p50_ms`, 19 of 20 no longer than `p95_ms`; null of none."""

    count: int
    p50_ms: float | None
    p95_ms: float | None


class SessionStatistics(Struct, frozen=True, kw_only=True):
    """`active` is now, whatever the range. The averages are of those that ended in it, and null where none did."""

    active: int
    started: int
    ended: int
    average_duration_seconds: float | None
    messages_per_session: float | None
    ended_reasons: Mapping[str, int]


class TurnStatistics(Struct, frozen=True, kw_only=True):
    """Of the turns whose user's message was recorded from `since` on, and what had become of them so far.

    Where the range holds too many events, `since` is later than was asked for and `is_complete` is false.
    """

    since: datetime
    is_complete: bool
    count: int
    answered: int
    interrupted: int
    cancelled: int
    failed: int
    open: int
    answer_start: Latencies
    answer_end: Latencies


class Statistics(Protocol):
    """Counts over one tenant's conversations. What takes too long is refused, with the way out.

    Conversations are counted by when they started and ended, as the nodes' clocks said; turns by when they were
    recorded, which is the database's one clock, so that the time between two events means something.
    """

    async def sessions(self, tenant_id: TenantId, query: StatisticsQuery) -> SessionStatistics:
        """From the read tables.

        Raises:
            InvalidQuery: the range holds more than can be counted in time.
            StoreUnavailable: the database is away.
        """
        ...

    async def turns(self, tenant_id: TenantId, query: StatisticsQuery) -> TurnStatistics:
        """From the events.

        Raises:
            InvalidQuery: the range holds more than can be counted in time.
            StoreUnavailable: the database is away.
        """
        ...


class ProcessHealth(Struct, frozen=True, kw_only=True):
    """How the parts of this process are, as they know it themselves. `is_draining`: it is about to stop.

    `projection_lag_s` is for how long the read tables have not had an event that this process knows of.
    `snapshots_lost` were due and were not made.
    """

    queue_depth: int
    queue_max_commands: int
    is_appender_running: bool
    is_appender_connected: bool
    is_projection_running: bool
    is_projection_leading: bool
    projected_position: int
    projection_lag_events: int
    projection_lag_s: float
    projection_failures: int
    unknown_events: int
    quarantined_conversations: int
    is_draining: bool
    is_feed_listening: bool
    is_feed_reading: bool
    feed_position: int
    snapshots_waiting: int
    snapshots_lost: int


class HealthSource(Protocol):
    """Knows the parts of this process. Asks nobody, so it answers at once."""

    def process_health(self) -> ProcessHealth:
        """How they are now."""
        ...
