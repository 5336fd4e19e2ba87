"""Looks after every open connection each few seconds.

A timer for each connection, or a limit of time around each send, did the same at many times the price: an idle
connection costs a comparison every few seconds.
"""

from typing import Final

import anyio
from anyio.lowlevel import checkpoint

from app.ws.hub import Hub
from app.ws.live import LiveConnections

BEAT_INTERVAL_S: Final = 2.5
CONNECTIONS_AT_ONCE: Final = 500
"""Others may run after so many."""


class Pulse:
    """One task (`run`)."""

    def __init__(self, live: LiveConnections, hub: Hub, interval_s: float = BEAT_INTERVAL_S) -> None:
        self._live = live
        self._hub = hub
        self._interval_s = interval_s

    async def run(self) -> None:
        """Beat, for ever."""
        while True:
            await anyio.sleep(self._interval_s)
            await self.beat()

    async def beat(self) -> None:
        """Look after everybody once."""
        self._hub.end_broken()
        for number, connection in enumerate(self._live, start=1):
            connection.beat()
            if number % CONNECTIONS_AT_ONCE == 0:
                await checkpoint()
