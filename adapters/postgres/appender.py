"""Durable at the speed of a queue: one flush carries every command that was waiting.

There is no timer. While one batch is being flushed, the next one forms by itself. The fast statement stores a batch
whole; only when something in it cannot be appended is the batch sent again in the form that judges each command.
"""

import asyncio
import random
from collections.abc import Sequence

import psycopg
import structlog

from adapters.postgres.append_queue import AppendLimits, AppendQueue, PendingAppend
from adapters.postgres.append_rows import encode
from adapters.postgres.append_session import AppendSession, CommandOutcome
from adapters.postgres.recorded import recorded_events
from domain.errors import (
    CommandRepeated,
    EventRejected,
    OutcomeUnknown,
    StoreError,
    StoreUnavailable,
    VersionConflict,
)
from domain.ports import Append, CommittedListener, RecordedEvent

FIRST_BACKOFF_S = 0.05
MAX_BACKOFF_S = 1.0

logger = structlog.get_logger()


def _nobody_listens(_events: Sequence[RecordedEvent]) -> None:
    """The listener until one is given."""


class BatchingAppender:
    """One task (`run`), one connection, many callers (`append`), each with its own outcome."""

    def __init__(self, dsn: str, limits: AppendLimits) -> None:
        self._limits = limits
        self._queue = AppendQueue(limits)
        self._session = AppendSession(dsn, limits.statement_timeout_s)
        self._in_flight: list[PendingAppend] = []
        self._is_closed = False
        self.on_committed: CommittedListener = _nobody_listens

    @property
    def queue_depth(self) -> int:
        """Commands taken in and not yet answered."""
        return len(self._queue) + len(self._in_flight)

    @property
    def is_connected(self) -> bool:
        return self._session.is_open

    async def append(self, append: Append) -> tuple[RecordedEvent, ...]:
        """As `EventStore.append`. A caller that is cancelled leaves the queue as it is: its command goes on."""
        if self._is_closed:
            raise StoreUnavailable
        return await self._queue.put(encode(append)).outcome

    async def run(self) -> None:
        """Store what is queued, until cancelled; what is then unanswered is answered as not or not surely stored."""
        try:
            while True:
                await self._queue.filled()
                self._in_flight = self._queue.take_batch()
                await self._store(self._in_flight)
                self._in_flight = []
        finally:
            self._is_closed = True
            self._give_up()
            await self._session.close()

    async def drain(self) -> None:
        """Take nothing more in and wait until all that was taken in is answered."""
        self._is_closed = True
        unanswered = [pending.outcome for pending in (*self._in_flight, *self._queue)]
        if unanswered:
            await asyncio.wait(unanswered)

    async def _store(self, batch: list[PendingAppend]) -> None:
        """Try until every command of the batch has an outcome or has waited too long."""
        backoff_s = FIRST_BACKOFF_S
        while batch:
            try:
                await self._session.open()
                await self._append(batch)
            except psycopg.OperationalError as error:
                logger.warning(
                    "append_failed", error=type(error).__name__, sqlstate=error.sqlstate, commands=len(batch)
                )
            except psycopg.Error as error:
                await self._isolate(batch, error)
                return
            else:
                return
            await asyncio.sleep(random.uniform(0, backoff_s))  # noqa: S311 - jitter, not a secret
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
            batch = self._without_expired(batch)

    async def _append(self, batch: list[PendingAppend]) -> None:
        sent_before = any(pending.sent for pending in batch)
        encoded = [pending.encoded for pending in batch]
        for pending in batch:
            pending.sent = True
        appended = None if sent_before else await self._session.append_batch(encoded)
        if appended is None:
            await self._settle(batch, await self._session.append_each(encoded))
            return
        first_position = appended.last_position + 1 - sum(len(one.states) for one in encoded)
        committed: list[RecordedEvent] = []
        for pending in batch:
            events = recorded_events(pending.encoded.append, first_position, appended.recorded_at)
            first_position += len(events)
            pending.succeed(events)
            committed.extend(events)
        self.on_committed(committed)

    async def _settle(self, batch: list[PendingAppend], outcomes: list[CommandOutcome]) -> None:
        committed: list[RecordedEvent] = []
        for pending, outcome in zip(batch, outcomes, strict=True):
            events = await self._settle_one(pending, outcome)
            committed.extend(events)
        self.on_committed(sorted(committed, key=lambda event: event.position))

    async def _settle_one(self, pending: PendingAppend, outcome: CommandOutcome) -> tuple[RecordedEvent, ...]:
        append = pending.encoded.append
        if outcome.outcome == "appended" and outcome.last_position is not None:
            first_position = outcome.last_position + 1 - len(append.events)
            events = recorded_events(append, first_position, outcome.recorded_at)
            pending.succeed(events)
            return events
        if outcome.outcome == "repeated":
            # An event id is made for one attempt: finding ours means that the append whose answer was lost succeeded.
            events = await self._session.find_stored(pending.encoded)
            if events:
                pending.succeed(events)
                return events
            pending.fail(CommandRepeated(append.origin.command_id))
            return ()
        pending.fail(VersionConflict(append.conversation_id, append.expected_version, outcome.head))
        return ()

    async def _isolate(self, batch: list[PendingAppend], error: psycopg.Error) -> None:
        """The database refused the batch for what is in it: let each command stand for itself."""
        if len(batch) > 1:
            for pending in batch:
                pending.sent = False
                await self._store([pending])
            return
        logger.error("event_rejected", error=type(error).__name__, sqlstate=error.sqlstate)
        batch[0].fail(EventRejected("The event store refused the event. Nothing was stored."))

    def _without_expired(self, batch: list[PendingAppend]) -> list[PendingAppend]:
        """Answer those who have waited long enough; they may come back with the same command id."""
        now = asyncio.get_running_loop().time()
        for pending in [*self._queue.take_expired(now), *(one for one in batch if one.deadline <= now)]:
            pending.fail(_lost(pending))
        return [pending for pending in batch if pending.deadline > now]

    def _give_up(self) -> None:
        for pending in [*self._in_flight, *self._queue.take_expired(float("inf"))]:
            pending.fail(_lost(pending))


def _lost(pending: PendingAppend) -> StoreError:
    return OutcomeUnknown(pending.encoded.append.origin.command_id) if pending.sent else StoreUnavailable()
