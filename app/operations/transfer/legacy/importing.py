"""`turnlog import legacy`: sessions read one after the other, put right, and written many at a time."""

from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from app.operations.transfer.conversation_writer import MAX_IN_FLIGHT, Fate, Outcome
from app.operations.transfer.histories import History, HistoryRefused, decided, steps_present
from app.operations.transfer.legacy.mapping import RawSession, Terms, history_of
from app.operations.transfer.legacy.repairs import Notes
from app.operations.transfer.legacy.report import Reporter
from domain.envelope import Actor
from domain.errors import UnknownEvent
from domain.ports import EventStore

IMPORTER: Final = Actor(type="admin", id="turnlog import legacy")
"""Who acts, in the events of what is imported."""


class Writer(Protocol):
    """Where histories go."""

    async def write(self, history: History) -> Outcome:
        """Write what is not there yet."""
        ...


class Rehearsal:
    """Implements `Writer`: tells what would become of a history, and writes nothing."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def write(self, history: History) -> Outcome:
        """See `Writer.write`."""
        try:
            steps = decided(history, IMPORTER)
            stored = await self._store.read(history.tenant_id, history.conversation_id)
        except (HistoryRefused, UnknownEvent) as refusal:
            fate = Fate.REFUSED if isinstance(refusal, HistoryRefused) else Fate.DIFFERENT
            return Outcome(history=history, fate=fate, reason=str(refusal))
        there = steps_present(steps, stored)
        if there is None:
            reason = f"Conversation {history.conversation_id} is there already with another history."
            return Outcome(history=history, fate=Fate.DIFFERENT, reason=reason)
        events = sum(len(step.events) for step in steps[there:])
        return Outcome(history=history, fate=Fate.ADDED if events else Fate.PRESENT, events_added=events)


async def import_sessions(
    sessions: AsyncIterator[RawSession],
    terms: Terms,
    writer: Writer,
    reporter: Reporter,
    on_rows: Callable[[int], None],
) -> None:
    """Take all of them in; the next is read when there is room. Outcomes fall in any order.

    Raises:
        ExceptionGroup: the store stayed away, or the reading failed. What was written stays, and running again goes on.
    """
    send, receive = anyio.create_memory_object_stream[History]()
    async with anyio.create_task_group() as tasks:
        for _ in range(MAX_IN_FLIGHT):
            tasks.start_soon(_write_each, receive.clone(), writer, reporter)
        receive.close()
        async with send:
            async for raw in sessions:
                notes = Notes()
                history = history_of(raw, terms, notes)
                reporter.read(raw, notes)
                on_rows(len(raw.messages) + (len(raw.sessions) if raw.part == 1 else 0))
                await send.send(history)


async def _write_each(receive: MemoryObjectReceiveStream[History], writer: Writer, reporter: Reporter) -> None:
    async with receive:
        async for history in receive:
            reporter.written(await writer.write(history))
