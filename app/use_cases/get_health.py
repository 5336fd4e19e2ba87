"""How the service is. Asked often and in bad times, so it never waits for long."""

from datetime import datetime
from typing import Final

import anyio
from msgspec import Struct

from app.ports import HealthSource, ProcessHealth, ReadModels, SessionCounts
from domain.errors import StoreUnavailable
from domain.ports import Clock

PATIENCE_S: Final = 1.0
"""How long the database may take to answer before it counts as away."""

COUNTS_MAX_AGE_S: Final = 5.0
"""Counting reads a whole index, so a count serves everybody who asks for a while."""


class Health(Struct, frozen=True, kw_only=True):
    """`sessions` is null, or the last count there was, while the database cannot be asked."""

    at: datetime
    process: ProcessHealth
    can_read: bool
    sessions: SessionCounts | None

    @property
    def is_ready(self) -> bool:
        """Whether a request would find what it needs, now and in a moment."""
        return self.can_read and self.process.is_appender_running and not self.process.is_draining

    @property
    def is_well(self) -> bool:
        """Whether nobody has to look after anything."""
        return self.is_ready and not self.process.quarantined_conversations


class GetHealth:
    """One for each process."""

    def __init__(self, source: HealthSource, read_models: ReadModels, clock: Clock) -> None:
        self._source = source
        self._read_models = read_models
        self._clock = clock
        self._counts: SessionCounts | None = None
        self._counted_at = float("-inf")

    async def __call__(self) -> Health:
        """Never raises."""
        can_read = await self._can_read()
        if can_read:
            await self._count()
        return Health(
            at=self._clock.now(), process=self._source.process_health(), can_read=can_read, sessions=self._counts
        )

    async def readiness(self) -> Health:
        """The same without counting anything. Never raises."""
        can_read = await self._can_read()
        return Health(at=self._clock.now(), process=self._source.process_health(), can_read=can_read, sessions=None)

    async def _can_read(self) -> bool:
        try:
            with anyio.fail_after(PATIENCE_S):
                await self._read_models.checkpoint_position()
        except (StoreUnavailable, TimeoutError):
            return False
        return True

    async def _count(self) -> None:
        now = anyio.current_time()
        if now - self._counted_at < COUNTS_MAX_AGE_S:
            return
        self._counted_at = now
        try:
            with anyio.fail_after(PATIENCE_S):
                self._counts = await self._read_models.count_sessions()
        except (StoreUnavailable, TimeoutError):
            return
