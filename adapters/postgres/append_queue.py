"""The commands that wait for a flush: first come, first stored; bounded by count and by bytes."""

import asyncio
from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from adapters.postgres.append_rows import EncodedAppend
from domain.errors import OutcomeUnknown, Overloaded, StoreUnavailable
from domain.ports import RecordedEvent


class AppendLimits(Struct, frozen=True, kw_only=True):
    """What the appender may hold and how long a caller may wait."""

    queue_max_commands: int = 10_000
    queue_max_bytes: int = 64 * 2**20
    batch_max_commands: int = 128
    batch_max_bytes: int = 4 * 2**20
    statement_timeout_s: float = 5.0
    outcome_deadline_s: float = 5.0


class PendingAppend(Struct, eq=False):
    """A command that waits. `deadline` is on the event loop's clock.

    `is_sent` says that it may be stored without our knowing. `is_given_up` says that its caller was told not to wait
    any longer; it is not sent any more.
    """

    encoded: EncodedAppend
    outcome: asyncio.Future[tuple[RecordedEvent, ...]]
    deadline: float
    is_sent: bool = False
    is_given_up: bool = False

    def succeed(self, events: tuple[RecordedEvent, ...]) -> None:
        """A caller who went away is not told; the events are stored all the same."""
        if not self.outcome.done():
            self.outcome.set_result(events)

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def give_up(self) -> None:
        """Answer what is known by now."""
        self.is_given_up = True
        self.fail(OutcomeUnknown(self.encoded.append.origin.command_id) if self.is_sent else StoreUnavailable())


class AppendQueue:
    """Taking in never waits: what does not fit is refused at once."""

    def __init__(self, limits: AppendLimits) -> None:
        self._limits = limits
        self._pending: deque[PendingAppend] = deque()
        self._size_bytes = 0
        self._filled = asyncio.Event()
        # Once, because Python asks the system for the process each time that it is asked for the loop.
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[PendingAppend]:
        return iter(self._pending)

    def put(self, encoded: EncodedAppend) -> PendingAppend:
        """Queue the command.

        Raises:
            Overloaded: the queue is full; the time to come back is what a full queue takes at a modest rate.
        """
        full = len(self._pending) >= self._limits.queue_max_commands
        if full or self._size_bytes + encoded.size_bytes > self._limits.queue_max_bytes:
            raise Overloaded(retry_after_ms=500)
        loop = self._loop
        pending = PendingAppend(encoded, loop.create_future(), loop.time() + self._limits.outcome_deadline_s)
        self._pending.append(pending)
        self._size_bytes += encoded.size_bytes
        self._filled.set()
        return pending

    async def filled(self) -> None:
        """Wait until there is something to take."""
        await self._filled.wait()

    def take_batch(self, max_commands: int) -> list[PendingAppend]:
        """The oldest commands, as many as asked for and as one flush carries; one too large for any goes alone."""
        batch: list[PendingAppend] = []
        size_bytes = 0
        while self._pending and len(batch) < min(max_commands, self._limits.batch_max_commands):
            next_bytes = self._pending[0].encoded.size_bytes
            if batch and size_bytes + next_bytes > self._limits.batch_max_bytes:
                break
            batch.append(self._pop())
            size_bytes += next_bytes
        if not self._pending:
            self._filled.clear()
        return batch

    def take_expired(self, now: float) -> list[PendingAppend]:
        """The commands whose callers have waited long enough."""
        expired = []
        while self._pending and self._pending[0].deadline <= now:
            expired.append(self._pop())
        return expired

    def _pop(self) -> PendingAppend:
        pending = self._pending.popleft()
        self._size_bytes -= pending.encoded.size_bytes
        return pending
