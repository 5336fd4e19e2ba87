"""The end of all connections when the service stops: told first, then closed one batch after the other."""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import anyio

from app.ws.admission import Admission
from app.ws.live import LiveConnection, LiveConnections

BATCHES: Final = 20
CLOSING_PATIENCE_S: Final = 5.0
"""How long the clients have to answer the close, and their last commands to be finished."""
MILLISECONDS_PER_SECOND: Final = 1_000


class Drain:
    """Run once. Clients come back at times of their own, so that the service they find is not overrun."""

    def __init__(
        self,
        live: LiveConnections,
        admission: Admission,
        *,
        notice_s: float,
        spread_s: float,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._live = live
        self._admission = admission
        self._notice_s = notice_s
        self._spread_s = spread_s
        self._sleep = sleep

    async def run(self) -> None:
        """From now on nobody is admitted, and readiness says so; returns when all connections have ended, or most."""
        self._admission.is_draining = True
        if not len(self._live):
            return
        await self._sleep(self._notice_s)
        closings = [(connection, self._announced(connection)) for connection in self._shuffled()]
        for batch in _batches(closings):
            for connection, after_ms in batch:
                connection.end("service_restart", after_ms)
            await self._sleep(self._spread_s / BATCHES)
        with anyio.move_on_after(CLOSING_PATIENCE_S):
            while len(self._live):
                await self._sleep(0.05)

    def _announced(self, connection: LiveConnection) -> int:
        """The client's own time to come back after its close, which it is told now."""
        after_ms = int(random.uniform(0, self._spread_s) * MILLISECONDS_PER_SECOND)  # noqa: S311 - no secret
        connection.announce_drain(after_ms)
        return after_ms

    def _shuffled(self) -> list[LiveConnection]:
        connections = list(self._live)
        random.shuffle(connections)
        return connections


def _batches(
    closings: Sequence[tuple[LiveConnection, int]],
) -> list[Sequence[tuple[LiveConnection, int]]]:
    size = max(1, -(-len(closings) // BATCHES))
    return [closings[start : start + size] for start in range(0, len(closings), size)]
