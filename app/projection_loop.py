"""Drives the projections: who leads projects for all processes, who does not stands by."""

import random
from collections.abc import Sequence
from typing import Final

import anyio
import structlog
from msgspec import Struct

from app.projected_position import ProjectedPosition
from app.redriver import Redriver
from domain.errors import StoreUnavailable
from domain.ports import RecordedEvent
from projections.ports import (
    Checkpoint,
    CheckpointMoved,
    ProjectionSession,
    ProjectionStore,
    RowsRejected,
    TablesRefused,
)
from projections.runner import Runner, Step

POLL_INTERVAL_S: Final = 1.0
"""How long a lost wake-up can go unnoticed."""

GATHER_S: Final = 0.02
"""How long events are left to gather into one page while nobody waits for them: fewer, larger transactions."""

STANDBY_INTERVAL_S: Final = 1.0
"""How long it takes at most until another process takes the lead over."""

STANDBY_POLL_INTERVAL_S: Final = 0.02
"""How often the checkpoint is looked at while somebody waits here and another process projects."""

HEARTBEAT_INTERVAL_S: Final = 5.0
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 10.0

logger = structlog.get_logger()


class ProjectionStatus(Struct, frozen=True, kw_only=True):
    """`head_position` is the newest that this process has heard of; `lag_events` counts holes between positions too.

    `seconds_behind` is how long a known event, or what a failure may hide, has been waited for. Under load it is the
    age of a sample: a new one is taken when the last one has come.

    The rows of `quarantined_conversations` stand still, each for an event that cannot become rows.

    `failures` counts those since the last success; `last_failure` is the newest of them.
    """

    is_leading: bool
    position: int
    head_position: int
    lag_events: int
    seconds_behind: float
    unknown_events: int
    quarantined_conversations: int
    failures: int
    last_failure: str | None


class ProjectionLoop:
    """One for each process. `run` ends only by cancellation: what passes is waited for, and an event that cannot become
    rows parks its conversation."""

    def __init__(
        self, runner: Runner, store: ProjectionStore, projected: ProjectedPosition, redriver: Redriver
    ) -> None:
        self._runner = runner
        self._store = store
        self._projected = projected
        self._redriver = redriver
        self._woken = anyio.Event()
        self._is_leading = False
        self._head_position = 0
        self._behind_since_s: float | None = None
        self._missing_position = 0
        self._beaten_at_s = 0.0
        self._checkpoint = Checkpoint()
        self._failures = 0
        self._last_failure: str | None = None

    def wake(self, events: Sequence[RecordedEvent] = ()) -> None:
        """There are new events. A hint: without it they are found within `POLL_INTERVAL_S`. Fit to be a listener."""
        if events and events[-1].position <= self._projected.position:
            return
        if events:
            self._head_position = max(self._head_position, events[-1].position)
        self._fall_behind()
        self._woken.set()

    def status(self) -> ProjectionStatus:
        """How it goes."""
        position = self._projected.position
        since_s = self._behind_since_s
        return ProjectionStatus(
            is_leading=self._is_leading,
            position=position,
            head_position=max(self._head_position, position),
            lag_events=max(0, self._head_position - position),
            seconds_behind=0.0 if since_s is None else anyio.current_time() - since_s,
            unknown_events=self._checkpoint.unknown_events,
            quarantined_conversations=len(self._checkpoint.parked),
            failures=self._failures,
            last_failure=self._last_failure,
        )

    async def run(self) -> None:
        """Stand by, lead, and begin again whenever the database goes away or refuses to be written."""
        self._fall_behind()  # until it is known otherwise
        while True:
            try:
                async with self._store.session() as session:
                    await self._stand_by(session)
                    await self._lead(session)
            except (StoreUnavailable, CheckpointMoved, TablesRefused, RowsRejected) as error:
                await self._back_off(error)

    async def _stand_by(self, session: ProjectionSession) -> None:
        """Watch the checkpoint until the lead is ours."""
        while not await session.try_to_lead():
            deadline_s = anyio.current_time() + STANDBY_INTERVAL_S
            while anyio.current_time() < deadline_s:
                self._take_over(await session.checkpoint())
                self._succeeded()
                if self._projected.position >= self._head_position:
                    self._behind_since_s = None
                with anyio.move_on_after(deadline_s - anyio.current_time()):
                    await self._projected.wait_for_somebody()
                    await anyio.sleep(STANDBY_POLL_INTERVAL_S)

    async def _lead(self, session: ProjectionSession) -> None:
        self._take_over(await session.checkpoint())
        await self._redriver.begin(session)
        self._is_leading = True
        logger.info(
            "projection_leads",
            position=self._checkpoint.position,
            quarantined_conversations=len(self._checkpoint.parked),
        )
        while True:
            woken = self._woken = anyio.Event()  # before the page is read: what is appended later wakes again
            step = await self._step(session)
            self._succeeded()
            if await self._redriver.try_some(session):
                self._take_over(await session.checkpoint())
            elif not step.is_full:
                await self._beat(session)
                await self._rest(woken)

    async def _step(self, session: ProjectionSession) -> Step:
        try:
            step = await self._runner.step(session, self._checkpoint)
        except CheckpointMoved:
            # Whoever re-drives a conversation leaves the position as it is, and the lead with us.
            checkpoint = await session.checkpoint()
            if checkpoint.position != self._checkpoint.position:
                raise
            self._take_over(checkpoint)
            step = await self._runner.step(session, checkpoint)
        self._progressed(step)
        return step

    def _take_over(self, checkpoint: Checkpoint) -> None:
        """Somebody, perhaps this process in an earlier life, came this far."""
        self._checkpoint = checkpoint
        self._advance(checkpoint.position)

    def _progressed(self, step: Step) -> None:
        self._redriver.parked(step.parked)
        self._take_over(step.checkpoint)
        if step.is_full:
            self._fall_behind()
        elif step.position >= self._head_position and not self._woken.is_set():
            self._behind_since_s = None

    def _fall_behind(self) -> None:
        if self._behind_since_s is None:
            self._behind_since_s = anyio.current_time()
            self._missing_position = max(self._head_position, self._projected.position + 1)

    def _succeeded(self) -> None:
        self._failures, self._last_failure = 0, None

    def _advance(self, position: int) -> None:
        self._head_position = max(self._head_position, position)
        self._projected.advance(position)
        if position >= self._missing_position:
            self._behind_since_s = None
        if position < self._head_position:
            self._fall_behind()

    async def _beat(self, session: ProjectionSession) -> None:
        """A sign of life where there may be no progress; it also finds out that the lead was lost."""
        now_s = anyio.current_time()
        if now_s - self._beaten_at_s >= HEARTBEAT_INTERVAL_S:
            await session.beat()
            self._take_over(await session.checkpoint())  # somebody may have re-driven a conversation
            self._beaten_at_s = now_s

    async def _rest(self, woken: anyio.Event) -> None:
        with anyio.move_on_after(POLL_INTERVAL_S):
            await woken.wait()
        with anyio.move_on_after(GATHER_S if woken.is_set() else 0):
            await self._projected.wait_for_somebody()

    async def _back_off(self, error: Exception) -> None:
        """Twice as long each time, and a random part of it, so that processes do not come back in step."""
        self._is_leading = False
        self._fall_behind()
        self._failures += 1
        self._last_failure = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
        longest_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(self._failures, 10))
        logger.warning("projection_failed", failure=self._last_failure, failures=self._failures)
        await anyio.sleep(random.uniform(0, longest_s))  # noqa: S311 - not a secret
