"""Whole conversations written as events: each once, however often it is given, and many at a time."""

import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final, TypeVar

import anyio
from msgspec import Struct

from app.operations.transfer.histories import History, HistoryRefused, Step, decided, steps_present
from domain.envelope import Actor
from domain.errors import (
    CommandRepeated,
    OutcomeUnknown,
    Overloaded,
    StoreError,
    StoreUnavailable,
    UnreadableEvent,
    VersionConflict,
)
from domain.ids import EventId
from domain.ports import Append, EventStore, IdSource, RecordedEvent

MAX_IN_FLIGHT: Final = 512
"""Conversations that are written at a time: as many commands share a flush."""

PATIENCE_S: Final = 60.0
"""How long a store that is away is waited for."""

T = TypeVar("T")

_FIRST_BACKOFF_S: Final = 0.05
_MAX_BACKOFF_S: Final = 2.0


class Fate(StrEnum):
    """What became of a history."""

    ADDED = "added"
    """It was stored, or the rest of it where an earlier run had been cut off."""

    PRESENT = "already there"
    DIFFERENT = "different"
    """The store has another conversation under its id. Nothing was changed."""

    REFUSED = "refused"
    """It is against the rules of conversations. Nothing of it was stored."""


class Outcome(Struct, frozen=True, kw_only=True):
    """`reason` is a sentence for what was neither added nor there. `events_added` are those of this run."""

    history: History
    fate: Fate
    events_added: int = 0
    reason: str | None = None


class WriterTally(Struct, eq=False):
    """Counts outcomes: conversations by their fate, and the events that were added."""

    added: int = 0
    present: int = 0
    different: int = 0
    refused: int = 0
    events_added: int = 0

    @property
    def conversations(self) -> int:
        """All that have an outcome."""
        return self.added + self.present + self.different + self.refused

    def count(self, outcome: Outcome) -> None:
        """One more."""
        self.events_added += outcome.events_added
        match outcome.fate:
            case Fate.ADDED:
                self.added += 1
            case Fate.PRESENT:
                self.present += 1
            case Fate.DIFFERENT:
                self.different += 1
            case Fate.REFUSED:
                self.refused += 1


class ConversationWriter:
    """Appends histories command by command through `decide`, as if they were held now, with their own times and ids.

    A history is decided as a whole before its first event is stored, so one that breaks a rule leaves nothing behind.
    What the store has of it already is not written again; an earlier run that was cut off is finished.
    """

    def __init__(self, store: EventStore, ids: IdSource, actor: Actor, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self._store = store
        self._ids = ids
        self._actor = actor
        self._max_in_flight = max_in_flight

    async def write_all(self, histories: Iterable[History], on_outcome: Callable[[Outcome], None]) -> None:
        """Write them, many at a time, taking the next only when there is room. Outcomes come as they fall.

        Raises:
            StoreError: the store stayed away for longer than `PATIENCE_S`, or refused an event.
        """
        remaining = iter(histories)
        failures: list[StoreError] = []
        async with anyio.create_task_group() as writers:
            for _ in range(self._max_in_flight):
                writers.start_soon(self._write_each, remaining, on_outcome, failures, writers.cancel_scope)
        if failures:
            raise failures[0]

    async def write(self, history: History) -> Outcome:
        """Write one. Raises as `write_all`."""
        try:
            steps = decided(history, self._actor)
        except HistoryRefused as refusal:
            return Outcome(history=history, fate=Fate.REFUSED, reason=str(refusal))
        done, version, events_added = 0, 0, 0
        while done < len(steps):
            try:
                stored = await self._append(history, steps[done], version)
            except (VersionConflict, CommandRepeated) as refused:
                present = await self._read(history)
                steps_there = steps_present(steps, present)
                if steps_there is None or steps_there <= done:
                    return _different(history, refused, is_there=bool(present), events_added=events_added)
                done, version = steps_there, len(present)
            else:
                done, version, events_added = done + 1, stored[-1].version, events_added + len(stored)
        fate = Fate.ADDED if events_added else Fate.PRESENT
        return Outcome(history=history, fate=fate, events_added=events_added)

    async def _write_each(
        self,
        remaining: Iterator[History],
        on_outcome: Callable[[Outcome], None],
        failures: list[StoreError],
        all_writers: anyio.CancelScope,
    ) -> None:
        try:
            for history in remaining:
                on_outcome(await self.write(history))
        except StoreError as failure:
            failures.append(failure)
            all_writers.cancel()

    async def _append(self, history: History, step: Step, version: int) -> tuple[RecordedEvent, ...]:
        append = Append(
            tenant_id=history.tenant_id,
            conversation_id=history.conversation_id,
            expected_version=version,
            origin=step.origin,
            events=step.events,
            event_ids=tuple([EventId(self._ids.new_id()) for _ in step.events]),
        )
        return await _patiently(lambda: self._store.append(append))

    async def _read(self, history: History) -> tuple[RecordedEvent, ...]:
        """What the store has under the id, as far as this release can read it; nothing when it is another tenant's."""
        try:
            return await _patiently(lambda: self._store.read(history.tenant_id, history.conversation_id))
        except UnreadableEvent:
            return ()


async def _patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try while the store is away or busy. Event and command ids stay the same, which makes that safe."""
    deadline_s = anyio.current_time() + PATIENCE_S
    backoff_s = _FIRST_BACKOFF_S
    while True:
        try:
            return await attempt()
        except (Overloaded, StoreUnavailable, OutcomeUnknown):
            if anyio.current_time() > deadline_s:
                raise
        await anyio.sleep(random.uniform(0, backoff_s))  # noqa: S311 - jitter, not a secret
        backoff_s = min(2 * backoff_s, _MAX_BACKOFF_S)


def _different(history: History, refused: StoreError, *, is_there: bool, events_added: int) -> Outcome:
    reason = (
        f"Conversation {history.conversation_id} is there already with another history, and stays as it is."
        if is_there or isinstance(refused, VersionConflict)
        else f"{refused} It made something else then."
    )
    return Outcome(history=history, fate=Fate.DIFFERENT, events_added=events_added, reason=reason)
