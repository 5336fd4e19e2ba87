"""The service is told to stop while a thousand clients are connected and some of them are busy."""

import asyncio
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import msgspec
import pytest
from msgspec.structs import force_setattr, replace
from uuid_utils import uuid7
from websockets.exceptions import ConnectionClosed

from tests.support.postgres import TestDatabases, temporary_folder
from tests.support.rest import Rest, path
from tests.support.served import ServedProcess
from tests.support.server import TEST_SETTINGS, http_client, running_server
from tests.support.sockets import SocketClient, connected
from tests.support.waiting import until

CLIENTS = 1_000
CONVERSATIONS = 50
CONNECTING_AT_A_TIME = 50
COMMAND_INTERVAL_S = 0.3
SPREAD_S = 3.0
EXIT_MAX_S = 30.0


@dataclass
class Seen:
    """What one client saw of the end."""

    conversation_id: str
    draining_after_ms: list[int] = field(default_factory=list)
    closing_after_ms: int | None = None
    close_code: int | None = None
    closed_at_s: float = 0.0
    acks: dict[str, int] = field(default_factory=dict)


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Each client of this process is one; processes often begin with 1,024."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_descriptors")
async def test_a_thousand_clients_are_told_and_sent_away_in_batches_and_nothing_is_lost() -> None:
    with temporary_folder() as folder:
        process = ServedProcess(folder / "data", {"TURNLOG_DRAIN_SPREAD_S": str(SPREAD_S)})
        process.start()
        try:
            await check_the_end_of(process)
        finally:
            process.kill()


async def check_the_end_of(process: ServedProcess) -> None:
    """Stop it, hold what everybody saw against what is promised, and look into what it has stored."""
    seen, ready_log, stopped_at_s, duration_s = await stopped_under_load(process)
    # then it has ended in time and in order
    assert duration_s <= EXIT_MAX_S
    # and readiness said so before anybody was sent away
    first_refusal_s = min(at_s for at_s, status in ready_log if status == 503)
    assert stopped_at_s < first_refusal_s < min(client.closed_at_s for client in seen)
    # and everybody was told first, each with a time of its own, and then closed with 1012
    assert Counter(client.close_code for client in seen) == {1012: CLIENTS}
    assert all(client.draining_after_ms == [client.closing_after_ms] for client in seen)
    assert len({client.closing_after_ms for client in seen}) > CLIENTS / 5
    # and not all at once
    closings_s = sorted(client.closed_at_s for client in seen)
    assert closings_s[-1] - closings_s[0] > SPREAD_S / 2
    assert max(Counter(int((at_s - closings_s[0]) * 4) for at_s in closings_s).values()) < CLIENTS / 2
    # and what was acknowledged is there
    process.start()
    await assert_all_stored(process.url, seen)


async def stopped_under_load(process: ServedProcess) -> tuple[list[Seen], list[tuple[float, int]], float, float]:
    """What the clients saw, what readiness said and when, when it was told to stop, and how long that took."""
    ready_log: list[tuple[float, int]] = []
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as http:
        rest = Rest(http)
        ids = [await rest.given_conversation() for _ in range(CONVERSATIONS)]
    seen = [Seen(ids[number % CONVERSATIONS]) for number in range(CLIENTS)]
    all_live = Latch(CLIENTS)
    slots = asyncio.Semaphore(CONNECTING_AT_A_TIME)
    async with anyio.create_task_group() as tasks:
        for number, client in enumerate(seen):
            tasks.start_soon(take_part, process.url, client, slots, all_live, number < CONVERSATIONS)
        await all_live.wait()
        await anyio.sleep(1)
        stopped_at_s = time.monotonic()
        polling = asyncio.create_task(poll_readiness(process.url, ready_log))
        status = await anyio.to_thread.run_sync(process.stop, signal.SIGTERM)
        duration_s = time.monotonic() - stopped_at_s
        polling.cancel()
    assert status == 0
    assert sum(len(client.acks) for client in seen) > CONVERSATIONS
    return seen, ready_log, stopped_at_s, duration_s


class Latch:
    """Opens when so many have arrived."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self._open = asyncio.Event()

    def arrive(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._open.set()

    async def wait(self) -> None:
        await self._open.wait()


async def take_part(url: str, seen: Seen, slots: asyncio.Semaphore, all_live: Latch, is_driver: bool) -> None:
    """Listen until the end; a driver also sends commands."""
    async with AsyncExitStack() as stack:
        async with slots:
            client = await stack.enter_async_context(connected(url, seen.conversation_id))
            await client.until_live()
        all_live.arrive()
        if is_driver:
            with suppress(ConnectionClosed):
                await drive(client, seen)
        _, seen.close_code, _ = await client.closed()
        seen.closed_at_s = time.monotonic()
        note_last_words(client, seen)


async def drive(client: SocketClient, seen: Seen) -> None:
    """One command after the other, each with an id of its own."""
    while True:
        for name in ("start_listening", "stop_listening"):
            command_id = str(uuid7())
            ack = await client.command(name, command_id=command_id)
            seen.acks[command_id] = ack["version"]
            await anyio.sleep(COMMAND_INTERVAL_S)


def note_last_words(client: SocketClient, seen: Seen) -> None:
    for text in client.texts:
        payload: dict[str, Any] = msgspec.json.decode(text)["payload"]
        if payload.get("status") == "draining":
            seen.draining_after_ms.append(payload["after_ms"])
        elif payload.get("status") == "closing":
            seen.closing_after_ms = payload["after_ms"]


async def poll_readiness(url: str, log: list[tuple[float, int]]) -> None:
    """As a load balancer does, each time on a connection of its own."""
    while True:
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=url, timeout=5) as http:
                log.append((time.monotonic(), (await http.get("/health/ready")).status_code))
        await anyio.sleep(0.05)


async def assert_all_stored(url: str, seen: list[Seen]) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        rest = Rest(http)
        for client in seen:
            if client.acks:
                events = [
                    event
                    for after in range(0, max(client.acks.values()), 100)
                    for event in (await rest.get(path(client.conversation_id, f"/events?limit=100&after={after}")))[
                        "data"
                    ]
                ]
                stored = {event["command_id"]: event["version"] for event in events}
                assert client.acks.items() <= stored.items()


async def test_a_new_socket_is_refused_while_the_service_drains(test_databases: TestDatabases) -> None:
    settings = replace(TEST_SETTINGS, drain_notice_s=1.0, drain_spread_s=1.0)
    with test_databases.clone() as dsn:
        async with running_server(dsn, settings) as server, http_client(server) as http:
            conversation_id = await Rest(http).given_conversation()
            async with connected(server.address, conversation_id) as client, anyio.create_task_group() as tasks:
                await client.until_live()
                # given a service that drains
                tasks.start_soon(server.parts.drain.run)
                await client.find(lambda frame: frame["payload"].get("status") == "draining")
                # then a newcomer learns of it at once, and over REST everything goes on
                upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
                key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
                refused = await http.get(f"/api/ws/conversations/{conversation_id}", headers=upgrade | key)
                assert (refused.status_code, refused.json()["code"]) == (503, "service_restart")
                assert refused.headers["Retry-After"] == "5"
                await Rest(http).given_command(conversation_id, "start_listening")


class Stuck:
    """A use case that never ends."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, *_: Any) -> None:
        self.calls += 1
        await anyio.sleep_forever()


async def test_handlers_that_never_end_cannot_put_off_the_exit(test_databases: TestDatabases) -> None:
    stuck = Stuck()

    async def ask(address: str, conversation_id: str) -> None:
        async with http_client(address) as http:
            with suppress(httpx.HTTPError):
                await Rest(http).command(conversation_id, "start_listening")

    async def command(address: str, conversation_id: str) -> None:
        async with connected(address, conversation_id) as client:
            with suppress(ConnectionClosed, TimeoutError):
                await client.command("start_listening")

    with test_databases.clone() as dsn:
        async with anyio.create_task_group() as tasks:
            async with running_server(dsn) as server, http_client(server) as http:
                conversation_id = await Rest(http).given_conversation()
                # given a command over REST and one over a socket that never end
                force_setattr(server.parts.service, "run_command", stuck)
                server.parts.gateway._run_command = stuck  # type: ignore[assignment] # it is never answered
                tasks.start_soon(ask, server.address, conversation_id)
                tasks.start_soon(command, server.address, conversation_id)
                await until(lambda: stuck.calls == 2)
                began_s = time.monotonic()
            # then the end of the server comes all the same
            assert time.monotonic() - began_s < EXIT_MAX_S
