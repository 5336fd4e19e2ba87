"""What the use cases ask of the outside, beside the event store."""

from typing import Protocol

from msgspec import Struct

from app.queries import ConversationQuery, MessageQuery, RowPage
from domain.ids import ConversationId, TenantId
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


class SessionCounts(Struct, frozen=True, kw_only=True):
    """How many conversations there are, and how many of them live."""

    active: int
    total: int


class ProcessHealth(Struct, frozen=True, kw_only=True):
    """How the parts of this process are, as they know it themselves. `is_draining`: it is about to stop.

    `projection_lag_s` is for how long the read tables have not had an event that this process knows of.
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


class HealthSource(Protocol):
    """Knows the parts of this process. Asks nobody, so it answers at once."""

    def process_health(self) -> ProcessHealth:
        """How they are now."""
        ...
