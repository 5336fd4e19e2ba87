"""What happens on a socket when nothing happens, and when a send does not come to an end."""

import asyncio
from dataclasses import dataclass

import pytest

from app.ws import pulse
from app.ws.pulse import SILENT_BEATS, STUCK_BEATS, Pulse
from tests.support.rest import Rest
from tests.support.server import RunningServer
from tests.support.sockets import connected

BEAT_S = 0.01
LARGE_TEXT = "0123456789" * 3_000
SMALL_BUFFER_BYTES = 16 * 1024


@dataclass
class Sender:
    sends_begun: int = 0
    is_sending: bool = False


@dataclass
class Calls:
    silences: int = 0
    stuck: int = 0

    def on_silence(self) -> None:
        self.silences += 1

    def on_stuck(self) -> None:
        self.stuck += 1


async def after_beats(sender: Sender, beats: float, *, sends_between: bool = False) -> Calls:
    """What a pulse has said after so many beats."""
    calls = Calls()
    with Pulse(sender, calls.on_silence, calls.on_stuck, BEAT_S):
        for _ in range(int(beats * 2)):
            await asyncio.sleep(BEAT_S / 2)
            sender.sends_begun += sends_between
    await asyncio.sleep(2 * BEAT_S)
    return calls


async def test_silence_is_broken_once_it_has_lasted() -> None:
    assert (await after_beats(Sender(), SILENT_BEATS - 2)).silences == 0
    assert (await after_beats(Sender(), SILENT_BEATS + 3)).silences >= 1


async def test_a_send_that_lasts_is_stuck_and_is_told_once() -> None:
    assert (await after_beats(Sender(is_sending=True), STUCK_BEATS - 1)).stuck == 0
    assert await after_beats(Sender(is_sending=True), STUCK_BEATS + 6) == Calls(silences=0, stuck=1)


async def test_who_sends_now_and_then_is_neither_silent_nor_stuck() -> None:
    for is_sending in (False, True):
        calls = await after_beats(Sender(is_sending=is_sending), 2 * SILENT_BEATS, sends_between=True)
        assert calls == Calls()


async def test_an_idle_socket_hears_a_heartbeat_with_the_head(
    server: RunningServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse.Pulse.__init__, "__defaults__", (BEAT_S,))
    async with connected(server.address, await rest.given_speaking()) as client:
        await client.until_live()

        for _ in range(2):
            heartbeat = (await client.next())["payload"]
            assert (heartbeat["status"], heartbeat["head"]) == ("heartbeat", 3)


async def test_a_client_that_does_not_read_at_all_is_closed_with_4499(
    server: RunningServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse.Pulse.__init__, "__defaults__", (BEAT_S,))
    conversation_id = await rest.given_conversation()
    async with connected(server.address, conversation_id, receive_buffer_bytes=SMALL_BUFFER_BYTES) as client:
        await client.until_live()
        # until the buffers of the system are full and a send has been stuck for too long
        while server.parts.hub.subscriber_count:
            await rest.given_message(conversation_id, content=LARGE_TEXT, role="system")

        assert (await client.closed())[1:] == (4499, "slow_consumer")
