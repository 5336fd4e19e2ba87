"""Clients that do not read, that flood, or that come in crowds: the process stays as it is, and others are served."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from math import ceil
from pathlib import Path
from typing import Final

import anyio
import httpx
import psycopg
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.postgres import embedded_server, temporary_folder
from tests.support.rest import Rest
from tests.support.served import ServedProcess
from tests.support.sockets import SocketClient, connected

SMALL_BUFFER_BYTES: Final = 16 * 1024
LARGE_TEXT: Final = "0123456789" * 3_000
MESSAGES: Final = 280
"""8 MB: twice what the buffers of the system take, and no more, for a closed client has five seconds to read on."""
WARM_UPS: Final = 4
FLOODS: Final = 5
CROWD: Final = 300
CLOSED_WITHIN_S: Final = 10.0
GROWTH_MAX_BYTES: Final = 5 * 2**20

Flood = Callable[[SocketClient], Awaitable[int]]


@contextmanager
def served(**settings: str) -> Iterator[tuple[ServedProcess, str]]:
    """The service as a process, on a database whose DSN is given too."""
    with embedded_server(durable=True) as postgres, temporary_folder() as folder:
        process = ServedProcess(folder / "data", {"DATABASE_URL": postgres.dsn, **settings})
        process.start()
        try:
            yield process, postgres.dsn
        finally:
            process.kill()


@asynccontextmanager
async def rest_of(process: ServedProcess) -> AsyncIterator[Rest]:
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as http:
        yield Rest(http)


def resident_bytes(process: ServedProcess) -> int:
    """Of the process, without its database."""
    status = Path(f"/proc/{process.process_id}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1_024


async def until_projected(rest: Rest, position: int) -> None:
    """The tables follow at their own pace; what waits for them is not what anybody here is to be blamed for."""
    with anyio.fail_after(60):
        while (await rest.get("/health"))["services"]["projections"]["position"] < position:  # noqa: ASYNC110
            await anyio.sleep(0.05)


async def load(rest: Rest, told: SocketClient, other: SocketClient, process: ServedProcess) -> tuple[float, int]:
    """Large messages to one conversation while another is driven: how long its commands take at p99, and the most
    memory that the process had."""
    times_s, most_bytes, position = [], 0, 0
    for number in range(MESSAGES):
        answer = await rest.given_message(told.conversation_id, content=LARGE_TEXT, role="system")
        await told.collect(until_seq=answer["version"])
        began_s = time.perf_counter()
        await other.command(("start_listening", "stop_listening")[number % 2])
        times_s.append(time.perf_counter() - began_s)
        most_bytes = max(most_bytes, resident_bytes(process))
        position = answer["position"]
    await until_projected(rest, position)
    return sorted(times_s)[ceil(0.99 * MESSAGES) - 1], most_bytes


async def test_a_client_that_stops_reading_is_closed_in_time_and_costs_nobody_anything() -> None:
    with served(TURNLOG_SOCKET_MESSAGES_PER_S="10000") as (process, _):
        async with rest_of(process) as rest, AsyncExitStack() as stack:
            other = await stack.enter_async_context(connected(process.url, await rest.given_conversation()))
            told = await stack.enter_async_context(connected(process.url, await rest.given_conversation()))
            for client in (other, told):
                await client.until_live()
            # given how the service is while everybody reads, once its memory has all that such texts need
            for _ in range(WARM_UPS):
                await load(rest, told, other, process)
            before_p99_s, before_bytes = await load(rest, told, other, process)
            # when somebody comes who does not
            slow = await stack.enter_async_context(
                connected(process.url, told.conversation_id, receive_buffer_bytes=SMALL_BUFFER_BYTES)
            )
            await slow.until_live()
            began_s = time.monotonic()
            p99_s, most_bytes = await load(rest, told, other, process)
            # then it is sent away, at no cost to the process or to the others
            frames, code, _ = await slow.closed()
            assert code == 4499
            assert time.monotonic() - began_s < CLOSED_WITHIN_S
            assert most_bytes - before_bytes < GROWTH_MAX_BYTES
            assert p99_s < 3 * before_p99_s + 0.25
            # and when it comes back it gets what it has missed
            last = max(frame["seq"] for frame in frames if frame["seq"] and frame.get("part") in (None, [2, 2]))
            async with connected(process.url, told.conversation_id, after=last) as resumed:
                handshake = await resumed.until_live()
            assert handshake[0]["payload"]["resume"]["outcome"] == "resumed"
            assert (handshake[1]["seq"], handshake[-2]["seq"]) == (last + 1, (WARM_UPS + 2) * MESSAGES + 1)


async def flood_frames(client: SocketClient) -> int:
    """As fast as it goes, whatever comes back."""
    with suppress(ConnectionClosed):
        for number in range(100_000):
            await client.send({"type": "ping", "n": number})
    return (await client.closed())[1]


async def flood_garbage(client: SocketClient) -> int:
    with suppress(ConnectionClosed):
        for _ in range(50):
            await client.connection.send("{")
    return (await client.closed())[1]


async def flood_oversize(client: SocketClient) -> int:
    with suppress(ConnectionClosed):
        await client.connection.send(" " * (64 * 1_024 + 1))
    return (await client.closed())[1]


async def test_floods_are_cut_off_each_with_its_code_and_others_keep_their_share() -> None:
    with served() as (process, _):
        async with rest_of(process) as rest, connected(process.url, await rest.given_conversation()) as other:
            await other.until_live()
            codes: Counter[int] = Counter()
            is_over = anyio.Event()

            async def keep_flooding(flood: Flood) -> None:
                conversation_id = await rest.given_conversation()
                for _ in range(FLOODS):
                    async with connected(process.url, conversation_id) as client:
                        await client.until_live()
                        codes[await flood(client)] += 1

            async def flood_all() -> None:
                async with anyio.create_task_group() as floods:
                    for flood in (flood_frames, flood_garbage, flood_oversize):
                        floods.start_soon(keep_flooding, flood)
                is_over.set()

            async with anyio.create_task_group() as tasks:
                # given floods of every kind, which come again and again
                tasks.start_soon(flood_all)
                # when somebody else goes on at the pace that is allowed
                commands = 0
                while not is_over.is_set() or commands < 2:
                    await other.command(("start_listening", "stop_listening")[commands % 2])
                    commands += 1
                    await anyio.sleep(0.06)
            # then every flood was cut off with its code, and whoever kept to the limit was served each time
            assert codes == {4429: FLOODS, 4400: FLOODS, 1009: FLOODS}


async def test_a_crowd_is_let_in_by_few_and_the_database_sees_no_more_of_it() -> None:
    limits = {
        "TURNLOG_HANDSHAKES_MAX_COUNT": "2",
        "TURNLOG_HANDSHAKE_TIMEOUT_S": "1",
        "TURNLOG_SOCKETS_MAX_PER_ADDRESS": "100",
    }
    with served(**limits) as (process, dsn):
        async with rest_of(process) as rest:
            conversation_id = await rest.given_conversation()
            ends: Counter[int] = Counter()
            retry_after: set[str] = set()

            async def come() -> None:
                try:
                    async with connected(process.url, conversation_id) as client:
                        ends[(await client.closed())[1]] += 1
                except InvalidStatus as refused:
                    ends[refused.response.status_code] += 1
                    retry_after.add(refused.response.headers["Retry-After"])

            # given a database that answers no read
            async with await psycopg.AsyncConnection.connect(dsn) as holder:
                await holder.execute("LOCK TABLE stored_events IN ACCESS EXCLUSIVE MODE")
                # when a crowd comes
                async with anyio.create_task_group() as tasks:
                    for _ in range(CROWD):
                        tasks.start_soon(come)
                    await anyio.sleep(0.7)
                    waiting = await waiting_reads(dsn)
                    assert (await rest.client.get("/health/live")).status_code == 200
                # then most were refused before anything was done, the rest when they had waited long enough
                assert ends.keys() == {429, 4408}
                assert ends[4408] <= 100
                assert retry_after == {"5"}
                assert ends.total() == CROWD
                # and the database had no more to do than two handshakes, beside what the service reads by itself
                assert waiting <= 2 + 1
            # and when it answers again, everybody is served
            async with connected(process.url, conversation_id) as client:
                await client.until_live()
                assert (await client.command("start_listening"))["version"] == 2


async def waiting_reads(dsn: str) -> int:
    """How many connections wait for the table."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%stored_events%'"
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])
