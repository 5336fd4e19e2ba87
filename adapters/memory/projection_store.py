"""The rows of the projections as dictionaries: the twin of the Postgres one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.ids import ConversationId, MessageId
from projections.applying import added_message, changed_message, changed_session
from projections.compaction import RowChanges
from projections.ports import Checkpoint, CheckpointMoved, ProjectedPage
from projections.rows import MessageRow, SessionRow


class MemoryProjectionStore:
    """Implements `ProjectionStore`. `sessions` and `messages` are the tables, for the read models' twin and tests."""

    def __init__(self) -> None:
        self.sessions: dict[ConversationId, SessionRow] = {}
        self.messages: dict[tuple[ConversationId, MessageId], MessageRow] = {}
        self.checkpoint = Checkpoint()
        self.beats = 0
        self.leader: MemoryProjectionSession | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator["MemoryProjectionSession"]:
        """See `ProjectionStore.session`."""
        session = MemoryProjectionSession(self)
        try:
            yield session
        finally:
            if self.leader is session:
                self.leader = None

    def write(self, rows: RowChanges) -> None:
        """Apply the changes in the order that `RowChanges` asks for."""
        self.sessions.update((row.id, row) for row in rows.opened)
        for row in rows.added:
            session = self.sessions.get(row.session_id)
            user_id, language = (session.user_id, session.language) if session else (None, None)
            self.messages[row.session_id, row.id] = added_message(row, user_id, language)
        for change in rows.changed:
            if (opened := self.sessions.get(change.session_id)) is not None:
                self.sessions[change.session_id] = changed_session(opened, change)
        for edit in rows.edited:
            key = (edit.session_id, edit.message_id)
            if (message := self.messages.get(key)) is not None:
                self.messages[key] = changed_message(message, edit)


class MemoryProjectionSession:
    """Implements `ProjectionSession`."""

    def __init__(self, store: MemoryProjectionStore) -> None:
        self._store = store

    async def try_to_lead(self) -> bool:
        """See `ProjectionSession.try_to_lead`."""
        if self._store.leader is None:
            self._store.leader = self
        return self._store.leader is self

    async def checkpoint(self) -> Checkpoint:
        """See `ProjectionSession.checkpoint`."""
        return self._store.checkpoint

    async def write(self, page: ProjectedPage) -> None:
        """See `ProjectionSession.write`."""
        checkpoint = self._store.checkpoint
        if checkpoint.position != page.from_position:
            raise CheckpointMoved(page.from_position)
        self._store.write(page.rows)
        unknown_events = checkpoint.unknown_events + page.unknown_events
        self._store.checkpoint = Checkpoint(position=page.to_position, unknown_events=unknown_events)

    async def beat(self) -> None:
        """See `ProjectionSession.beat`."""
        self._store.beats += 1
