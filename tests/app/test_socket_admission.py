"""Who is let in: decided before the accept and without the database, so that a flood of connections costs little."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import httpx
import msgspec
import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.fault_proxy import FaultProxy
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import connected

PUBLIC = replace(TEST_SETTINGS, host="0.0.0.0", allowed_origins=("https://app.example.com",))
ANY_PAGE = replace(PUBLIC, allowed_origins=("*",))
FLOOD = 300
FLOODED = replace(TEST_SETTINGS, handshakes_max_count=2, handshake_timeout_s=1.0, sockets_max_per_address=200)
QUERY_DELAY_S = 0.05


async def answer_to(server: RunningServer, conversation_id: str, **headers: str) -> httpx.Response:
    """The answer to an upgrade with these headers."""
    async with http_client(server) as client:
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        request = client.build_request(
            "GET", f"/api/ws/conversations/{conversation_id}", headers={**upgrade, **headers}
        )
        response = await client.send(request, stream=True)
        if response.status_code != httpx.codes.SWITCHING_PROTOCOLS:
            await response.aread()
        await response.aclose()
        return response


HERE = "127.0.0.1:1"
ORIGINS = [
    (TEST_SETTINGS, HERE, None, True),
    (TEST_SETTINGS, HERE, "http://localhost:3000", True),
    (TEST_SETTINGS, HERE, "http://127.0.0.1:9", True),
    (TEST_SETTINGS, HERE, "http://[::1]:9", True),
    (TEST_SETTINGS, HERE, "https://evil.example.com", False),
    (TEST_SETTINGS, "evil.example.com:8000", "http://evil.example.com:8000", False),
    (TEST_SETTINGS, "localhost:1", "http://localhost.evil.example.com", False),
    (TEST_SETTINGS, HERE, "null", False),
    (PUBLIC, "api.example.com", None, True),
    (PUBLIC, "api.example.com", "https://app.example.com", True),
    (PUBLIC, "api.example.com", "https://api.example.com", True),
    (PUBLIC, "api.example.com", "https://app.example.com.evil.com", False),
    (PUBLIC, "api.example.com", "http://app.example.com", False),
    (PUBLIC, "api.example.com", "http://localhost:3000", False),
    (PUBLIC, "api.example.com", "", False),
    (ANY_PAGE, "api.example.com", "https://evil.example.com", True),
]


async def test_a_page_of_a_foreign_origin_is_refused_before_the_accept(test_databases: TestDatabases) -> None:
    with test_databases.clone() as dsn:
        for settings in (TEST_SETTINGS, PUBLIC, ANY_PAGE):
            async with running_server(dsn, settings) as server, http_client(server) as http:
                conversation_id = await Rest(http).given_conversation()
                for _, host, origin, is_welcome in [row for row in ORIGINS if row[0] is settings]:
                    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
                    answer = await answer_to(server, conversation_id, **headers)
                    assert answer.status_code == (101 if is_welcome else 403), (host, origin)
                    if not is_welcome:
                        assert answer.headers["content-type"] == "application/problem+json"
                        assert (answer.json()["code"], answer.json()["field"]) == ("foreign_origin", "Origin")


async def test_an_address_has_only_so_many_connections(test_databases: TestDatabases) -> None:
    settings = replace(TEST_SETTINGS, sockets_max_per_address=2)
    with test_databases.clone() as dsn:
        async with running_server(dsn, settings) as server, http_client(server) as http, AsyncExitStack() as stack:
            conversation_id = await Rest(http).given_conversation()
            first, _ = [await stack.enter_async_context(connected(server.address, conversation_id)) for _ in range(2)]
            await first.until_live()

            answer = await answer_to(server, conversation_id)
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_connections")
            assert int(answer.headers["retry-after"]) == answer.json()["retry_after_ms"] / 1_000

            await first.connection.close()
            async with connected(server.address, conversation_id) as later:
                await later.until_live()


async def test_a_tenant_has_only_so_many_connections(test_databases: TestDatabases) -> None:
    settings = replace(TEST_SETTINGS, sockets_max_per_tenant=1)
    with test_databases.clone() as dsn:
        async with running_server(dsn, settings) as server, http_client(server) as http:
            conversation_id = await Rest(http).given_conversation()
            async with connected(server.address, conversation_id) as first:
                await first.until_live()
                async with connected(server.address, conversation_id) as second:
                    closing = await second.next()
                    _, code, _ = await second.closed()
            assert (code, closing["payload"]["action"]) == (1013, "resume")
            assert closing["payload"]["after_ms"] >= 5_000


async def how_it_went(url: str) -> str:
    """What became of a connection: the status it was refused with, `live`, or the close code."""
    try:
        async with connect(url, proxy=None, compression=None, open_timeout=20, close_timeout=1) as connection:
            while msgspec.json.decode(await connection.recv())["payload"].get("status") != "live":
                pass
            return "live"
    except InvalidStatus as refused:
        return str(refused.response.status_code)
    except ConnectionClosed as closed:
        return str(closed.rcvd and closed.rcvd.code)


async def test_a_flood_of_connections_is_capped_before_the_database_and_healed_from(
    test_databases: TestDatabases,
) -> None:
    with test_databases.clone() as dsn:
        async with FaultProxy(dsn) as proxy, running_server(proxy.dsn, FLOODED) as server, http_client(server) as http:
            conversation_id = await Rest(http).given_conversation()
            url = f"{server.address.replace('http', 'ws', 1)}/api/ws/conversations/{conversation_id}"
            # given a database that is slow
            proxy.delay_s = QUERY_DELAY_S
            # when many connect at once
            flood = [asyncio.create_task(how_it_went(url)) for _ in range(FLOOD)]
            await asyncio.sleep(0.3)
            assert (await http.get("/health/live")).status_code == httpx.codes.OK
            assert any(not task.done() for task in flood)
            outcomes = Counter(await asyncio.gather(*flood))
            # then those above the limit of their address were refused, and those who waited too long were told so; who
            # came late may have found the place of one of these
            assert outcomes["429"] + outcomes["live"] + outcomes["4408"] == FLOOD
            assert outcomes["429"] >= (FLOOD - FLOODED.sockets_max_per_address) / 2
            assert outcomes["live"] >= 2
            assert outcomes["4408"] > FLOODED.sockets_max_per_address / 2
            # and when it is over all is as before
            proxy.delay_s = 0
            async with connected(server.address, conversation_id) as client:
                await client.until_live()
                assert (await client.command("start_listening"))["version"] == 2


@pytest.mark.parametrize("name", ["foreign", "too many"])
async def test_who_is_refused_before_the_accept_costs_no_statement(test_databases: TestDatabases, name: str) -> None:
    settings = replace(TEST_SETTINGS, sockets_max_per_address=1)
    with test_databases.clone() as dsn:
        async with running_server(dsn, settings) as server, http_client(server) as http:
            conversation_id = await Rest(http).given_conversation()
            reads = []
            histories = server.parts.histories
            load = histories.load

            async def counted(*arguments: object) -> object:
                reads.append(arguments)
                return await load(*arguments)  # type: ignore[arg-type] # passed on as they came

            vars(histories)["load"] = counted
            async with connected(server.address, conversation_id) as client:
                await client.until_live()
                headers = {"Origin": "https://evil.example.com"} if name == "foreign" else {}
                statuses = {(await answer_to(server, conversation_id, **headers)).status_code for _ in range(20)}
            assert statuses == {403 if name == "foreign" else 429}
            assert len(reads) == 1
