"""Hints from Postgres that somebody has stored events."""

from collections.abc import Callable
from random import uniform

import anyio
import psycopg
import structlog

from adapters.postgres.connection import connect

CHANNEL = "stored_events"
SILENCE_S = 10.0
MAX_BACKOFF_S = 2.0

logger = structlog.get_logger()


class NotificationListener:
    """A dedicated connection that listens. Losing it loses hints only: the feed polls."""

    def __init__(self, dsn: str, on_hint: Callable[[], None], is_known: Callable[[int], bool]) -> None:
        """`is_known` tells of a server process whether its notifications are about what this process has stored."""
        self._dsn = dsn
        self._on_hint = on_hint
        self._is_known = is_known
        self.is_listening = False

    async def run(self) -> None:
        """Listen for ever, on a new connection whenever one is lost."""
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                logger.warning("listener_lost", error=type(error).__name__)
            self.is_listening = False
            await anyio.sleep(uniform(0, MAX_BACKOFF_S))  # noqa: S311 - jitter, not a secret

    async def _listen(self) -> None:
        async with await connect(self._dsn) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.is_listening = True
            self._on_hint()
            while True:
                async for notification in connection.notifies(timeout=SILENCE_S):
                    if not self._is_known(notification.pid):
                        self._on_hint()
                await connection.execute("SELECT 1")  # a link that died in silence fails here
