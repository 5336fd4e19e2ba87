"""What the first events of a conversation have made of it, kept so that they need not be read again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from projections.history import later_messages
from projections.rows import MessageRow

FOLD_VERSION: Final = 1
"""Raise it whenever the same events may come to something else than before: older snapshots are then ignored.
`tests/projections/test_snapshots.py` fails when the code was changed and nobody has thought of it."""

RECENT_MESSAGES: Final = 50


class Snapshot(Struct, frozen=True, kw_only=True):
    """A conversation after its first events, and the last of its messages, oldest first.

    `position` is that of the last event. `latest_at` is the latest time at which any of them occurred, null before the
    first.
    """

    conversation: Conversation
    position: int = 0
    latest_at: datetime | None = None
    messages: tuple[MessageRow, ...] = ()

    @property
    def version(self) -> int:
        return self.conversation.version


def beginning(tenant_id: TenantId, conversation_id: ConversationId) -> Snapshot:
    """Before the first event."""
    return Snapshot(conversation=Conversation(id=conversation_id, tenant_id=tenant_id))


def advanced(snapshot: Snapshot, events: Sequence[RecordedEvent]) -> Snapshot:
    """After some more events, which follow without a hole."""
    if not events:
        return snapshot
    latest_at = max(recorded.origin.occurred_at for recorded in events)
    return replace(
        snapshot,
        conversation=fold(snapshot.conversation, events),
        position=events[-1].position,
        latest_at=latest_at if snapshot.latest_at is None else max(latest_at, snapshot.latest_at),
        messages=tuple(later_messages(snapshot.messages, events)[-RECENT_MESSAGES:]),
    )


class History(Struct, frozen=True):
    """A conversation as the snapshot `base` and the events after it, in order; the base may be the very beginning."""

    base: Snapshot
    events: Sequence[RecordedEvent]

    @property
    def head(self) -> int:
        """The last version; 0 when there is no such conversation."""
        return self.events[-1].version if self.events else self.base.version

    @property
    def position(self) -> int:
        """That of the last event."""
        return self.events[-1].position if self.events else self.base.position

    def conversation(self) -> Conversation:
        """At the last version."""
        return fold(self.base.conversation, self.events)

    def messages(self) -> Sequence[MessageRow]:
        """The last ones at the last version, oldest first: at least `RECENT_MESSAGES`, if there are as many."""
        return later_messages(self.base.messages, self.events)


class Snapshots(Protocol):
    """Snapshots of long conversations, and reading on from them. A lost one costs time and nothing else.

    One that is damaged, or that other code has written, is as absent as another tenant's. Every method raises
    `StoreUnavailable` when the database is away.
    """

    async def load(self, tenant_id: TenantId, conversation_id: ConversationId, until: int | None = None) -> History:
        """The newest snapshot at or below the version `until`, and the events after it up to there.

        Raises:
            UnreadableEvent: this code cannot read one of these events.
        """
        ...

    async def nearest(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        until: int | None = None,
        latest_at: datetime | None = None,
    ) -> Snapshot | None:
        """The newest one at or below the version, none of whose events occurred after `latest_at`."""
        ...

    async def save(self, snapshot: Snapshot) -> None:
        """Keep it; it takes the place of one of the same version."""
        ...

    async def thin(self, tenant_id: TenantId, conversation_id: ConversationId, below: int, every: int) -> None:
        """Of those below the version `below` keep only the ones at multiples of `every`; delete what other code made
        long ago."""
        ...

    async def forget_conversation(self, tenant_id: TenantId, conversation_id: ConversationId) -> None:
        """Delete all of the conversation."""
        ...

    async def forget_tenant(self, tenant_id: TenantId) -> None:
        """Delete all of the tenant."""
        ...
