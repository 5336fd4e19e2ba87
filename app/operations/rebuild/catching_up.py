"""The catch-up: the ordinary projection, on the new tables, up to where the live ones are."""

from typing import Final

import anyio

from projections.compaction import compact
from projections.ports import ProjectedPage
from projections.rebuilding import Pace, RebuildSession, RebuildState
from projections.registry import BY_NAME
from projections.whole import projected

PAGE_EVENTS: Final = 1_000


class CatchUp:
    """Stands where the new tables stand. An event that cannot be projected fails it, loudly."""

    def __init__(self, session: RebuildSession, state: RebuildState, pace: Pace) -> None:
        self._session = session
        self._rows = session.rows()
        self._projections = [BY_NAME[name] for name in state.projections]
        self._pace = pace

    async def position(self) -> int:
        """Where the new tables stand."""
        return (await self._rows.checkpoint()).position

    async def step(self, until_position: int) -> int:
        """Project at most one page of the events up to the position. How many there were."""
        position = await self.position()
        events = await self._session.events(position, until_position, PAGE_EVENTS)
        reached = events[-1].position if len(events) == PAGE_EVENTS else until_position
        if reached > position:
            rows = compact(projected(events, self._projections))
            await self._rows.write(
                ProjectedPage(from_position=position, to_position=reached, unknown_events=0, rows=rows)
            )
        await anyio.sleep(self._pace.seconds(len(events)))
        return len(events)

    async def run(self, until_position: int) -> None:
        """All of them."""
        while await self.step(until_position) == PAGE_EVENTS:
            pass
