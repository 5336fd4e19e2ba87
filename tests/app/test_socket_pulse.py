"""What happens on a socket when nothing happens, and when a client takes nothing."""

import pytest

from adapters.system.clock import SystemClock
from app.ws.answers import Speaker
from app.ws.frames import Frames, frames_of
from app.ws.live import SILENT_BEATS, STUCK_BEATS, LiveConnection
from app.ws.subscriber import Subscriber
from domain.ids import DEFAULT_TENANT
from tests.support.rest import Rest
from tests.support.server import RunningServer
from tests.support.sockets import connected

LARGE_TEXT = "0123456789" * 3_000
SMALL_BUFFER_BYTES = 16 * 1024
SOMETHING = frames_of(b"{}")


class Network:
    """An outlet that remembers what it took."""

    def __init__(self, *, is_writable: bool = True) -> None:
        self.is_writable = is_writable
        self.texts: list[bytes] = []

    def write(self, frames: Frames) -> None:
        self.texts += frames.texts


def live_on(network: Network) -> LiveConnection:
    """A connection that is live."""
    subscriber = Subscriber(network, lambda: None)
    subscriber.go_live(0)
    connection = LiveConnection(DEFAULT_TENANT, subscriber, Speaker("1", "e"), SystemClock(), lambda: 7)
    connection.is_live = True
    return connection


def test_silence_is_broken_once_it_has_lasted_and_again_after_as_long() -> None:
    network = Network()
    connection = live_on(network)
    for _ in range(SILENT_BEATS - 1):
        connection.beat()
    assert network.texts == []

    connection.beat()
    assert len(network.texts) == 1
    assert b'"status":"heartbeat","head":7' in network.texts[0]

    for _ in range(SILENT_BEATS + 1):
        connection.beat()
    assert len(network.texts) == 2


def test_who_sends_now_and_then_is_not_silent() -> None:
    network = Network()
    connection = live_on(network)
    for _ in range(3 * SILENT_BEATS):
        connection.subscriber.put(SOMETHING)
        connection.beat()

    assert set(network.texts) == set(SOMETHING.texts)


@pytest.mark.parametrize("waiting", [0, 1])
def test_a_network_that_takes_nothing_ends_the_connection(waiting: int) -> None:
    network = Network(is_writable=False)
    connection = live_on(network)
    for _ in range(waiting):
        connection.subscriber.put(SOMETHING)
    for _ in range(STUCK_BEATS - 1):
        connection.beat()
    assert connection.subscriber.ended is None

    connection.beat()
    assert connection.subscriber.ended == "slow_consumer"


def test_a_network_that_takes_a_little_now_and_then_is_waited_for() -> None:
    network = Network(is_writable=False)
    connection = live_on(network)
    for _ in range(3 * STUCK_BEATS):
        connection.subscriber.put(SOMETHING)
        network.is_writable = True
        connection.subscriber.flush()
        network.is_writable = False
        connection.beat()

    assert connection.subscriber.ended is None


def test_before_it_is_live_nothing_is_said() -> None:
    network = Network()
    connection = live_on(network)
    connection.is_live = False
    for _ in range(2 * SILENT_BEATS):
        connection.beat()
    connection.announce_drain(5)

    assert network.texts == []


async def test_an_idle_socket_hears_a_heartbeat_with_the_head(server: RunningServer, rest: Rest) -> None:
    async with connected(server.address, await rest.given_speaking()) as client:
        await client.until_live()

        for _ in range(2):
            for _ in range(SILENT_BEATS + 1):
                await server.parts.pulse.beat()
            heartbeat = (await client.next())["payload"]
            assert (heartbeat["status"], heartbeat["head"]) == ("heartbeat", 3)


async def test_a_client_that_does_not_read_at_all_is_closed_with_4499(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    async with connected(server.address, conversation_id, receive_buffer_bytes=SMALL_BUFFER_BYTES) as client:
        await client.until_live()
        # given a client whose buffers are full
        (connection,) = server.parts.live
        while not connection.subscriber.is_waiting:
            await rest.given_message(conversation_id, content=LARGE_TEXT, role="system")
        # when it takes nothing for as long as it may
        for _ in range(STUCK_BEATS + 1):
            await server.parts.pulse.beat()

        assert (await client.closed())[1:] == (4499, "slow_consumer")
