"""What a client gets over REST from a service on the large store: lists and searches, one after the other."""

from itertools import cycle
from typing import Final

import httpx

from benchmarks.closed_loop import closed_loop
from benchmarks.filled import until_projected
from benchmarks.measurement import Measurement
from benchmarks.sockets.servers import running, turnlog
from benchmarks.subject import Subject

TIMEOUT_SECONDS: Final = 30.0
SEARCHES: Final = (
    "/api/v2/messages/search?q=terrace",
    "/api/v2/messages/search?q=pumpkin soup",
    '/api/v2/messages/search?q="last tram"',
    "/api/v2/messages/search?q=mushrooms -trout",
    "/api/v2/messages/search?q=nobody ever said this",
)
LISTS: Final = (
    "/api/v2/conversations",
    "/api/v2/conversations?user_id=user-4711",
    "/api/v2/conversations?is_active=true",
    "/api/v2/conversations?order=asc&limit=100",
)


def searches() -> Subject:
    return _subject("search", SEARCHES)


def lists() -> Subject:
    return _subject("list", LISTS)


def _subject(name: str, paths: tuple[str, ...]) -> Subject:
    async def prepare(_dsn: str) -> None:
        """The service is started with the measurement."""

    async def measure(dsn: str, callers: int, seconds: float) -> Measurement:
        async with running(turnlog(), dsn) as server:
            await until_projected(dsn)
            return await _measure(server.port, paths, callers, seconds)

    return Subject(name=name, callers_are="callers", prepare=prepare, measure=measure, unit="requests/s")


async def _measure(port: int, paths: tuple[str, ...], callers: int, seconds: float) -> Measurement:
    base_url = f"http://127.0.0.1:{port}"
    chosen = cycle(paths)
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=TIMEOUT_SECONDS) as rest:

        async def read() -> bool:
            (await rest.get(next(chosen))).raise_for_status()
            return True

        return await closed_loop([read] * callers, seconds)
