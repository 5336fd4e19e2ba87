"""An event that this release cannot read, for it is newer or damaged: nobody is left behind in silence."""

from typing import Any

from websockets.protocol import State

from tests.support.poison import CORRUPT, insert_event
from tests.support.rest import Rest
from tests.support.server import RunningServer
from tests.support.sockets import SocketClient, connected
from tests.support.waiting import until

UNKNOWN_EVENT = b'{"type":"mind_read","thought":"?"}'


async def test_an_event_that_this_release_cannot_read_sends_its_clients_away_and_nobody_else(
    server: RunningServer, rest: Rest
) -> None:
    newer_id, damaged_id, other_id = [await rest.given_conversation() for _ in range(3)]
    async with (
        connected(server.address, newer_id) as of_newer,
        connected(server.address, damaged_id) as of_damaged,
        connected(server.address, other_id) as other,
    ):
        for client in (of_newer, of_damaged, other):
            await client.until_live()
        # given an event of a newer release, and one whose bytes are damaged, the last of their conversations
        insert_event(server.dsn, newer_id, 2, "mind_read.v1", UNKNOWN_EVENT)
        insert_event(server.dsn, damaged_id, 2, "message_recorded.v1", CORRUPT)
        for client, code in ((of_newer, "unknown_event"), (of_damaged, "corrupt_event")):
            # then their clients are told to come back
            _, *closed = await closed_late(client)
            assert closed == [4412, "position_lost"]
            # and who does is told why that does not help
            async with connected(server.address, client.conversation_id, after=1) as resumed:
                frames, close_code, _ = await resumed.closed()
            assert (frames[0]["payload"]["code"], close_code) == (code, 1013)
        # while others go on
        assert (await other.command("start_listening"))["version"] == 2
        await other.collect(until_seq=2)


async def closed_late(client: SocketClient) -> Any:
    """As `closed`, for what takes longer than a client's patience."""
    await until(lambda: client.connection.state is not State.OPEN, patience_s=12)
    return await client.closed()
