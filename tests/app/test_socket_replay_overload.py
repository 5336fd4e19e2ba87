"""A replay for a client that reads slowly or not at all, from a store that goes away, in a service that stops."""

from typing import Final

import pytest

from app.ws.live import STUCK_BEATS
from tests.support.appends import message
from tests.support.fault_proxy import FaultProxy
from tests.support.postgres import TestDatabases
from tests.support.replays import STARTED, given_events, given_nobody, given_pause, until_first_event, whole_replay
from tests.support.server import RunningServer, running_server
from tests.support.sockets import connected
from tests.support.waiting import until

SMALL_BUFFER_BYTES: Final = 16 * 1024
LARGE_TEXT: Final = "0123456789" * 3_000
PATIENCE_S: Final = 30.0
LARGE_COUNT: Final = 300
"""So many of these texts are more than the network takes from somebody who does not read."""


async def test_a_slow_client_slows_the_replay_and_loses_nothing(server: RunningServer) -> None:
    await given_nobody(server)
    # given much more than the network takes
    conversation_id = await given_events(server, STARTED, *(message(LARGE_TEXT) for _ in range(LARGE_COUNT)))
    slow = connected(server.address, conversation_id, replay="max", receive_buffer_bytes=SMALL_BUFFER_BYTES)
    async with slow as client:
        # when the client does not read
        await until(lambda: any(one.subscriber.is_waiting for one in server.parts.live), PATIENCE_S)
        (connection,) = server.parts.live
        assert connection.subscriber.writes < LARGE_COUNT

        # then nothing piles up for it, and it gets all when it does read
        assert vars(connection.subscriber)["_frame_count"] == 0
        _, told = await whole_replay(client)

    assert [frame["seq"] for frame in told if frame["type"] == "transcript_update"] == list(range(2, LARGE_COUNT + 2))


async def test_a_client_that_takes_nothing_is_closed_with_4499_and_goes_on_where_it_was(server: RunningServer) -> None:
    await given_nobody(server)
    conversation_id = await given_events(server, STARTED, *(message(LARGE_TEXT) for _ in range(LARGE_COUNT)))
    stuck = connected(server.address, conversation_id, replay="max", receive_buffer_bytes=SMALL_BUFFER_BYTES)
    async with stuck as client:
        await until(lambda: any(one.subscriber.is_waiting for one in server.parts.live), PATIENCE_S)
        for _ in range(STUCK_BEATS + 2):
            await server.parts.pulse.beat()
        frames, code, _ = await client.closed()
    assert code == 4499

    ready, *told = frames
    last = max(frame["seq"] for frame in told if frame.get("part") in (None, [2, 2]))
    epoch = ready["payload"]["resume"]["epoch"]
    async with connected(server.address, conversation_id, replay="max", after=last, epoch=epoch) as client:
        _, rest_of_it = await whole_replay(client)
    assert [frame["seq"] for frame in rest_of_it if frame["type"] == "transcript_update"] == list(
        range(last + 1, LARGE_COUNT + 2)
    )


async def test_a_drain_tells_and_closes_a_replay_like_any_socket(test_databases: TestDatabases) -> None:
    with test_databases.clone() as dsn:
        async with running_server(dsn) as server:
            conversation_id = await given_pause(server)
            async with connected(server.address, conversation_id, replay="0.1") as client:
                await until_first_event(client)
                await server.parts.drain.run()
                frames, code, reason = await client.closed()

    assert [frame["payload"]["status"] for frame in frames] == ["draining"]
    assert (code, reason) == (1012, "service_restart")


async def test_a_store_that_goes_away_in_the_middle_is_told_and_the_client_comes_back(
    test_databases: TestDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ws.replay.player.PAGE_EVENTS", 1)
    with test_databases.clone() as dsn:
        async with FaultProxy(dsn) as proxy, running_server(proxy.dsn) as server:
            conversation_id = await given_events(server, STARTED, *(message(LARGE_TEXT) for _ in range(LARGE_COUNT)))
            slow = connected(server.address, conversation_id, replay="max", receive_buffer_bytes=SMALL_BUFFER_BYTES)
            async with slow as client:
                # given a replay that waits for its client
                await until(lambda: any(one.subscriber.is_waiting for one in server.parts.live), PATIENCE_S)
                # when the store is away before it goes on
                proxy.go_away()
                frames, code, reason = await client.closed()

    error = frames[-1]["payload"]
    assert (error["code"], error["retryable"], error["fatal"]) == ("store_unavailable", True, True)
    assert (code, reason) == (1013, "overloaded")
