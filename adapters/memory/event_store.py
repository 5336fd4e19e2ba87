"""The event store as plain lists: the twin of the Postgres one, for tests that need no database."""

from bisect import bisect_right
from collections.abc import Sequence

from adapters.codec.events import schema_version_of
from domain.errors import CommandRepeated, VersionConflict
from domain.ids import CommandId, ConversationId, TenantId
from domain.ports import Append, Clock, CommittedListener, EventPage, RecordedEvent


class MemoryEventStore:
    """Implements `EventStore` and `EventLog`. Nothing in it waits, so one append is never between another's steps."""

    def __init__(self, clock: Clock, listeners: Sequence[CommittedListener] = ()) -> None:
        self._clock = clock
        self._listeners = tuple(listeners)
        self._log: list[RecordedEvent] = []
        self._conversations: dict[ConversationId, list[RecordedEvent]] = {}
        self._commands: dict[tuple[TenantId, CommandId], tuple[RecordedEvent, ...]] = {}

    async def append(self, append: Append) -> tuple[RecordedEvent, ...]:
        """See `EventStore.append`."""
        # A command sent again carries the version it saw the first time, so this is asked before the version is.
        if (append.tenant_id, append.origin.command_id) in self._commands:
            raise CommandRepeated(append.origin.command_id)
        self._check_version(append)
        recorded = self._record(append)
        self._log.extend(recorded)
        self._conversations.setdefault(append.conversation_id, []).extend(recorded)
        self._commands[append.tenant_id, append.origin.command_id] = recorded
        for listener in self._listeners:
            listener(recorded)
        return recorded

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        """See `EventStore.read`."""
        history = self._conversations.get(conversation_id, [])
        return tuple(recorded for recorded in history[max(after, 0) : until] if recorded.tenant_id == tenant_id)

    async def find_command(self, tenant_id: TenantId, command_id: CommandId) -> tuple[RecordedEvent, ...]:
        """See `EventStore.find_command`."""
        return self._commands.get((tenant_id, command_id), ())

    async def read_page(self, after_position: int, limit: int) -> EventPage:
        """See `EventLog.read_page`."""
        start = bisect_right(self._log, after_position, key=lambda recorded: recorded.position)
        events = self._log[start : start + limit]
        return EventPage(events=events, last_position=events[-1].position if events else after_position)

    async def head_position(self) -> int:
        """See `EventLog.head_position`."""
        return self._log[-1].position if self._log else 0

    def _check_version(self, append: Append) -> None:
        history = self._conversations.get(append.conversation_id, [])
        is_foreign = bool(history) and history[0].tenant_id != append.tenant_id
        if is_foreign or len(history) != append.expected_version:
            raise VersionConflict(append.conversation_id, append.expected_version, len(history))

    def _record(self, append: Append) -> tuple[RecordedEvent, ...]:
        recorded_at = self._clock.now()
        head = len(self._log)
        return tuple(
            RecordedEvent(
                tenant_id=append.tenant_id,
                conversation_id=append.conversation_id,
                version=append.expected_version + ordinal,
                position=head + ordinal,
                event_id=event_id,
                event=event,
                schema_version=schema_version_of(event),
                origin=append.origin,
                recorded_at=recorded_at,
            )
            for ordinal, (event, event_id) in enumerate(zip(append.events, append.event_ids, strict=True), start=1)
        )
