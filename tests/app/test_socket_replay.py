"""A conversation of the past over a socket: the same frames as then, marked, at a pace, and never the live hub."""

import pytest

from app.ws.live import SILENT_BEATS
from app.ws.replay.player import PAGE_EVENTS
from tests.support.appends import message
from tests.support.replays import (
    STARTED,
    given_dialogue,
    given_events,
    given_nobody,
    given_pause,
    unmarked,
    until_first_event,
    whole_replay,
)
from tests.support.rest import NOBODYS_ID, Rest
from tests.support.server import RunningServer
from tests.support.sockets import Json, connected
from tests.support.waiting import until


async def test_it_is_frame_for_frame_what_was_live(server: RunningServer, rest: Rest) -> None:
    conversation_id = await given_dialogue(rest)
    async with connected(server.address, conversation_id, after=0) as client:
        _, *live, _ = await client.until_live()
    last = live[-1]["seq"]

    async with connected(server.address, conversation_id, replay="max") as client:
        ready, told = await whole_replay(client)

    assert unmarked(told) == live
    assert ready["replay"] == {"speed": None, "events": last, "max_pause_ms": 5_000}
    assert ready["resume"] == {
        "outcome": "resumed",
        "after": 0,
        "head": last,
        "epoch": ready["resume"]["epoch"],
        "replay_count": 0,
    }


@pytest.mark.parametrize(
    ("cursor", "seqs"),
    [
        ({"after": 3}, [4, 5, 6, 7, 8, 9]),
        ({"after": 3, "until": 5}, [4, 5]),
        ({"until": 2}, [1, 2]),
        ({"until": 9, "after": ""}, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ({"after": 9}, []),
        ({"after": 4, "until": 4}, []),
    ],
    ids=str,
)
async def test_it_begins_and_ends_where_it_is_asked_to(
    server: RunningServer, rest: Rest, cursor: Json, seqs: list[int]
) -> None:
    conversation_id = await given_events(server, STARTED, *(message(str(number)) for number in range(8)))

    async with connected(server.address, conversation_id, replay="1000", **cursor) as client:
        ready, told = await whole_replay(client)

    assert sorted({frame["seq"] for frame in told}) == seqs
    assert ready["replay"] == {"speed": 1_000.0, "events": len(seqs), "max_pause_ms": 5_000}


async def test_a_long_conversation_is_replayed_in_pages(server: RunningServer) -> None:
    count = 2 * PAGE_EVENTS + 7
    conversation_id = await given_events(server, STARTED, *(message(str(number)) for number in range(count)))

    async with connected(server.address, conversation_id, replay="max", after=5) as client:
        _, told = await whole_replay(client)

    said = [frame["payload"]["text"] for frame in told if frame["type"] == "transcript_update"]
    assert said == [str(number) for number in range(4, count)]


@pytest.mark.parametrize(("asked", "told_ms"), [(None, 5_000), ("0", 0), ("0.25", 250), ("3600", 3_600_000)])
async def test_the_longest_pause_is_told(server: RunningServer, asked: str | None, told_ms: int) -> None:
    conversation_id = await given_pause(server)

    async with connected(server.address, conversation_id, replay="1", max_pause_s=asked) as client:
        ready = (await client.next())["payload"]
        assert ready["replay"] == {"speed": 1.0, "events": 2, "max_pause_ms": told_ms}
        if asked == "0":
            assert sorted({frame["seq"] for frame in (await client.closed())[0] if frame["seq"]}) == [1, 2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(
            ({"replay": speed}, "replay")
            for speed in ("", "0", "0.09", "1000.1", "-1", "nan", "inf", "1e3", "fast", "\u0661")
        ),
        *(({"replay": "1", "max_pause_s": pause}, "max_pause_s") for pause in ("-1", "3600.1", "nan", "long")),
        ({"replay": "1", "after": "x"}, "after"),
        ({"replay": "1", "after": 2}, "after"),
        ({"replay": "1", "until": 0}, "until"),
        ({"replay": "1", "until": 2}, "until"),
        ({"replay": "1", "until": "1.5"}, "until"),
        ({"replay": "1", "until": 2**63}, "until"),
        ({"replay": "max", "after": 1, "epoch": NOBODYS_ID}, "epoch"),
    ],
    ids=str,
)
async def test_what_cannot_be_replayed_is_refused_by_its_field(
    server: RunningServer, rest: Rest, query: Json, field: str
) -> None:
    async with connected(server.address, await rest.given_conversation(), **query) as client:
        frames, code, reason = await client.closed()

    (refusal,) = [frame["payload"] for frame in frames]
    assert (refusal["code"], refusal["field"], refusal["fatal"]) == ("invalid_query", field, True)
    assert (code, reason) == (4400, "bad_message")


@pytest.mark.parametrize("nobodys", [NOBODYS_ID, "x"])
async def test_a_conversation_that_is_none(server: RunningServer, nobodys: str) -> None:
    async with connected(server.address, nobodys, replay="1") as client:
        assert (await client.closed())[1:] == (4404, "not_found")


async def test_in_a_pause_pings_are_answered_and_commands_refused(server: RunningServer) -> None:
    async with connected(server.address, await given_pause(server), replay="0.1") as client:
        await until_first_event(client)

        await client.send({"type": "ping", "n": 7})
        pong = await client.next()
        refusal = await client.refused("start_listening")
        await client.interim(text="A table", is_final=False, segment_id="s1", revision=1)
        of_interim = await client.next()
        await client.send({"type": "ack", "seq": 1})
        await client.send({"type": "ping", "n": 8})

        assert pong["payload"] == {"status": "pong", "n": 7}
        assert (refusal["code"], refusal["field"], refusal["fatal"]) == ("invalid_command", "type", False)
        assert "without `replay`" in refusal["message"]
        assert of_interim["payload"]["code"] == "invalid_command"
        assert (await client.next())["payload"]["n"] == 8


async def test_a_pause_has_heartbeats_with_what_was_played(server: RunningServer) -> None:
    async with connected(server.address, await given_pause(server), replay="0.1") as client:
        await until_first_event(client)

        for _ in range(SILENT_BEATS + 1):
            await server.parts.pulse.beat()

        heartbeat = (await client.next())["payload"]
        assert (heartbeat["status"], heartbeat["head"]) == ("heartbeat", 1)


async def test_who_leaves_in_a_pause_leaves_nothing_behind(server: RunningServer) -> None:
    await given_nobody(server)
    conversation_id = await given_pause(server)
    for is_polite in (True, False):
        async with connected(server.address, conversation_id, replay="0.1") as client:
            await until_first_event(client)
            assert len(server.parts.live) == 1
            if not is_polite:
                client.connection.transport.abort()
        await until(lambda: len(server.parts.live) == 0)


async def test_what_happens_meanwhile_is_not_told_and_the_hub_never_knows(server: RunningServer, rest: Rest) -> None:
    await given_nobody(server)
    conversation_id = await given_pause(server)

    async with (
        connected(server.address, conversation_id, replay="0.1") as replaying,
        connected(server.address, conversation_id) as live,
    ):
        ready = await replaying.next()
        assert (await replaying.next())["seq"] == 1
        await live.until_live()
        assert (len(server.parts.live), server.parts.hub.subscriber_count) == (2, 1)
        await rest.given_command(conversation_id, "start_listening")
        await live.interim(text="A table", is_final=False, segment_id="s1", revision=1)
        await live.collect(until_seq=3)
        await live.find(lambda frame: not frame.get("final", True))

        await replaying.send({"type": "ping", "n": 1})
        assert (await replaying.next())["payload"] == {"status": "pong", "n": 1}
    assert ready["payload"]["resume"]["head"] == 2
