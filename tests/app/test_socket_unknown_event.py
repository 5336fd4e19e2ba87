"""An event of a newer release, which this one cannot read: nobody is left behind in silence."""

from typing import Any

import psycopg
from websockets.protocol import State

from tests.support.rest import Rest
from tests.support.server import RunningServer
from tests.support.sockets import SocketClient, connected
from tests.support.waiting import until

UNKNOWN_EVENT = b'{"type":"mind_read","thought":"?"}'


async def test_an_event_that_this_release_cannot_read_sends_its_clients_away_and_nobody_else(
    server: RunningServer, rest: Rest
) -> None:
    conversation_id, other_id = await rest.given_conversation(), await rest.given_conversation()
    async with connected(server.address, conversation_id) as client:
        await client.until_live()
        async with connected(server.address, other_id) as other:
            await other.until_live()
            # given an event of a newer release, the last of its conversation
            insert_unknown(server.dsn, conversation_id, version=2)
            # then its clients are told to come back
            _, code, reason = await closed_late(client)
            assert (code, reason) == (4412, "position_lost")
            # and who does is told why that does not help
            async with connected(server.address, conversation_id, after=1) as resumed:
                frames, code, _ = await resumed.closed()
            assert (frames[0]["payload"]["code"], code) == ("unknown_event", 1013)
            # while others go on
            assert (await other.command("start_listening"))["version"] == 2
            await other.collect(until_seq=2)


async def closed_late(client: SocketClient) -> Any:
    """As `closed`, for what takes longer than a client's patience."""
    await until(lambda: client.connection.state is not State.OPEN, patience_s=12)
    return await client.closed()


def insert_unknown(dsn: str, conversation_id: str, version: int) -> None:
    """As a newer release stores it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
            [conversation_id, version, "mind_read.v1", UNKNOWN_EVENT],
        )
        connection.execute("NOTIFY stored_events")
