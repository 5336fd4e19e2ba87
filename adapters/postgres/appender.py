"""Durable at the speed of a queue: one flush carries every command that was waiting.

There is no timer in front of a flush. While one batch is being flushed, the next one forms by itself. The fast
statement stores a batch whole; only when something in it cannot be appended is the batch sent again in the form that
judges each command.
"""

import asyncio
import random
from collections.abc import Sequence

import anyio
import structlog

from adapters.postgres.append_failures import AppendFailure, ContentRefused, StatementRefused
from adapters.postgres.append_queue import AppendLimits, AppendQueue, PendingAppend
from adapters.postgres.append_rows import encode
from adapters.postgres.append_session import AppendSession, BatchAppended, CommandOutcome
from adapters.postgres.recorded import recorded_events
from domain.errors import CommandRepeated, EventRejected, StoreUnavailable, VersionConflict
from domain.ports import Append, CommittedListener, RecordedEvent

FIRST_BACKOFF_S = 0.05
MAX_BACKOFF_S = 1.0
DEADLINE_CHECK_INTERVAL_S = 0.25

logger = structlog.get_logger()


def _nobody_listens(_events: Sequence[RecordedEvent]) -> None:
    """The listener until one is given."""


class BatchingAppender:
    """One task (`run`), one connection, many callers (`append`), each with its own outcome.

    `on_committed` hears of what was stored, except for commands whose outcome stayed unknown until their deadline.
    """

    def __init__(self, dsn: str, limits: AppendLimits) -> None:
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

    def has_notified(self, process_id: int) -> bool:
        """Whether a notification of this server process is about this appender's own commit, which it tells itself."""
        return process_id == self._session.process_id

    @property
    def is_taking_in(self) -> bool:
        """Whether commands are taken in; not any more once it drains or has stopped."""
        return not self._is_closed

    async def append(self, append: Append) -> tuple[RecordedEvent, ...]:
        """As `EventStore.append`. A caller that is cancelled leaves the queue as it is: its command goes on."""
        if self._is_closed:
            raise StoreUnavailable
        return await self._queue.put(encode(append)).outcome

    async def run(self) -> None:
        """Store what is queued, until cancelled; what is then unanswered is answered as not or not surely stored."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_deadlines)
                await self._keep_storing()
        finally:
            self._is_closed = True
            self._give_up_until(float("inf"))
            with anyio.CancelScope(shield=True):
                await self._session.close()

    async def drain(self) -> None:
        """Take nothing more in and wait until all that was taken in is answered."""
        self._is_closed = True
        unanswered = [pending.outcome for pending in (*self._in_flight, *self._queue)]
        if unanswered:
            await asyncio.wait(unanswered)

    async def _keep_storing(self) -> None:
        await self._store([])  # connect before the first command comes
        last_batch_commands = 0
        while True:
            await self._queue.filled()
            # Half of all callers: those of the last batch are computing now, and shall find the database at work when
            # they come back, as it finds them. One batch of all would let each wait for the other in turns.
            callers = len(self._queue) + last_batch_commands
            self._in_flight = self._queue.take_batch(max_commands=(callers + 1) // 2)
            last_batch_commands = len(self._in_flight)
            await self._store(self._in_flight)
            self._in_flight = []

    async def _store(self, batch: list[PendingAppend]) -> None:
        """Try until every command of the batch is answered, by an outcome or by its deadline."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                await self._session.open()
                batch = [pending for pending in batch if not pending.is_given_up]
                if batch:
                    await self._append(batch)
            except ContentRefused as refusal:
                await self._isolate(batch, refusal)
            except AppendFailure as failure:
                _log("append_failed", failure, batch)
                # Also when only the statement failed: after a failover the server at the other end is the wrong one.
                await self._session.close()
                await asyncio.sleep(random.uniform(0, backoff_s))  # noqa: S311 - jitter, not a secret
                backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
                continue
            return

    async def _append(self, batch: list[PendingAppend]) -> None:
        """One attempt. A batch that was sent before without an answer is sent in the checking form alone."""
        was_sent = batch[0].is_sent
        encoded = [pending.encoded for pending in batch]
        for pending in batch:
            pending.is_sent = True
        try:
            appended = None if was_sent else await self._session.append_batch(encoded)
            outcomes = await self._session.append_each(encoded) if appended is None else []
        except StatementRefused:
            for pending in batch:
                pending.is_sent = was_sent
            raise
        if appended is None:
            await self._settle(batch, outcomes)
        else:
            self._confirm(batch, appended)

    def _confirm(self, batch: list[PendingAppend], appended: BatchAppended) -> None:
        first_position = appended.last_position + 1 - sum(len(pending.encoded.states) for pending in batch)
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
            committed.extend(await self._settle_one(pending, outcome))
        if committed:
            self.on_committed(sorted(committed, key=lambda event: event.position))

    async def _settle_one(self, pending: PendingAppend, outcome: CommandOutcome) -> tuple[RecordedEvent, ...]:
        """Answer one command. Gives its events if this attempt, or an earlier one of the same append, stored them."""
        append = pending.encoded.append
        events: tuple[RecordedEvent, ...] = ()
        if outcome.outcome == "appended" and outcome.last_position is not None:
            first_position = outcome.last_position + 1 - len(append.events)
            events = recorded_events(append, first_position, outcome.recorded_at)
        elif outcome.outcome == "repeated":
            events = await self._session.find_stored(pending.encoded)
        if events:
            pending.succeed(events)
        elif outcome.outcome == "repeated":
            pending.fail(CommandRepeated(append.origin.command_id))
        else:
            pending.fail(VersionConflict(append.conversation_id, append.expected_version, outcome.head))
        return events

    async def _isolate(self, batch: list[PendingAppend], refusal: ContentRefused) -> None:
        """Something in the batch cannot be stored: store each half for itself, until what is left is the culprit."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._store(batch[:middle])
            await self._store(batch[middle:])
            return
        _log("event_rejected", refusal, batch)
        batch[0].fail(EventRejected("The event store refused the event. Nothing was stored."))

    async def _keep_deadlines(self) -> None:
        """Nobody waits longer than agreed, whatever the connection is doing."""
        while True:
            await asyncio.sleep(DEADLINE_CHECK_INTERVAL_S)
            self._give_up_until(asyncio.get_running_loop().time())

    def _give_up_until(self, deadline: float) -> None:
        """Answer those whose deadline has come; they may come back with the same command id."""
        for pending in [*self._queue.take_expired(deadline), *self._in_flight]:
            if pending.deadline <= deadline:
                pending.give_up()


def _log(event: str, failure: AppendFailure, batch: list[PendingAppend]) -> None:
    logger.warning(event, error=failure.error_name, sqlstate=failure.sqlstate, commands=len(batch))
