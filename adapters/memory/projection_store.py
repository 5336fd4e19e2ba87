"""The rows of the projections as dictionaries: the twin of the Postgres one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from domain.ids import ConversationId, MessageId
from projections.applying import added_message, changed_message, changed_session
from projections.compaction import RowChanges
from projections.ports import Checkpoint, CheckpointMoved, ProjectedPage, RowsRejected
from projections.quarantine import DeadLetter, Poison
from projections.rows import MessageRow, SessionRow


class MemoryProjectionStore:
    """Implements `ProjectionStore`. `sessions` and `messages` are the tables, for the read models' twin and tests."""

    def __init__(self) -> None:
        self.sessions: dict[ConversationId, SessionRow] = {}
        self.messages: dict[tuple[ConversationId, MessageId], MessageRow] = {}
        self.dead_letters: dict[ConversationId, DeadLetter] = {}
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
        if (checkpoint.position, checkpoint.revision) != (page.from_position, page.revision):
            raise CheckpointMoved(page.from_position)
        _check(page.rows)
        self._store.write(page.rows)
        for poison in page.parked:
            self._store.dead_letters[poison.conversation_id] = DeadLetter(poison=poison, since=datetime.now(UTC))
        self._store.checkpoint = replace(
            checkpoint,
            position=page.to_position,
            unknown_events=checkpoint.unknown_events + page.unknown_events,
            revision=checkpoint.revision + bool(page.parked),
            parked=frozenset(self._store.dead_letters),
        )

    async def try_out(self, rows: RowChanges) -> None:
        """See `ProjectionSession.try_out`."""
        _check(rows)

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """See `ProjectionSession.dead_letters`."""
        return tuple(self._store.dead_letters.values())

    async def keep_parked(self, poison: Poison) -> None:
        """See `ProjectionSession.keep_parked`."""
        letter = self._store.dead_letters.get(poison.conversation_id)
        if letter is not None:
            self._store.dead_letters[poison.conversation_id] = replace(
                letter, poison=poison, attempts=letter.attempts + 1, last_tried_at=datetime.now(UTC)
            )

    @asynccontextmanager
    async def standstill(self) -> AsyncIterator["MemoryStandstill"]:
        """See `ProjectionSession.standstill`. Nobody else runs while a block of this process does not wait."""
        yield MemoryStandstill(self._store)

    async def beat(self) -> None:
        """See `ProjectionSession.beat`."""
        self._store.beats += 1


class MemoryStandstill:
    """Implements `Standstill`."""

    def __init__(self, store: MemoryProjectionStore) -> None:
        self._store = store

    @property
    def position(self) -> int:
        """See `Standstill.position`."""
        return self._store.checkpoint.position

    async def replace(self, conversation_id: ConversationId, rows: RowChanges) -> None:
        """See `Standstill.replace`."""
        _check(rows)
        store = self._store
        store.sessions.pop(conversation_id, None)
        for key in [key for key in store.messages if key[0] == conversation_id]:
            del store.messages[key]
        store.write(rows)
        store.dead_letters.pop(conversation_id, None)
        store.checkpoint = replace(
            store.checkpoint, revision=store.checkpoint.revision + 1, parked=frozenset(store.dead_letters)
        )


def _check(rows: RowChanges) -> None:
    """As in Postgres, a text holds no NUL."""
    if b"\\u0000" in msgspec.json.encode(rows):
        raise RowsRejected("SQLSTATE 22021")
