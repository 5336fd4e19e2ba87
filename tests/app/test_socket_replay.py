"""A conversation of the past over a socket: the same frames as then, marked, at a pace, and never the live hub."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.memory.event_store import MemoryEventStore
from app.ws.frames import durable_frames
from app.ws.live import SILENT_BEATS, STUCK_BEATS
from app.ws.replay.pace import MAX_LATE_S, MAX_PAUSE_S, Pace, pause_s
from app.ws.replay.player import PAGE_EVENTS, Player
from domain.conversation import events as e
from domain.conversation.evolution import fold
from domain.conversation.values import Policies
from domain.ids import DEFAULT_TENANT, ConversationId
from domain.ports import RecordedEvent
from tests.support.appends import an_append, message, new_conversation
from tests.support.decider import NOON
from tests.support.histories import happenings, unborn
from tests.support.postgres import TestDatabases
from tests.support.recording import TickingClock, recorded_log
from tests.support.rest import NOBODYS_ID, Json, Rest, path
from tests.support.server import RunningServer, running_server
from tests.support.sockets import SocketClient, connected
from tests.support.waiting import until

SMALL_BUFFER_BYTES: Final = 16 * 1024
LARGE_TEXT: Final = "0123456789" * 3_000
STARTED: Final = e.ConversationStarted(tenant_id=DEFAULT_TENANT, policies=Policies())
EPOCH: Final = "epoch"

logs = happenings(max_conversations=1).map(recorded_log)


async def given_dialogue(rest: Rest) -> str:
    """A conversation with an interruption, a tool, a correction and an end."""
    conversation_id = await rest.given_conversation(user_id="ada")
    await rest.given_command(conversation_id, "start_listening")
    asked = await rest.given_message(conversation_id, content="A table for too?")
    await rest.given_command(conversation_id, "start_response", response_id="r-1")
    await rest.given_command(conversation_id, "start_tool_call", tool_call_id="t-1", name="find", arguments={"n": 2})
    await rest.given_command(conversation_id, "interrupt_response", generated_text="We have one", heard_text="We")
    await rest.given_command(
        conversation_id, "correct_message", message_id=asked["message"]["id"], content="A table for two?"
    )
    await rest.client.put(path(conversation_id, "/end"))
    return conversation_id


async def given_events(server: RunningServer, *events: e.Event) -> ConversationId:
    """A conversation of these events, stored at once."""
    conversation_id = new_conversation()
    await server.parts.store.append(an_append(conversation_id, events=events, tenant_id=DEFAULT_TENANT))
    return conversation_id


async def whole_replay(client: SocketClient) -> tuple[Json, list[Json]]:
    """What `ready` says, and the frames of events, of a replay that ends as it should."""
    frames, code, reason = await client.closed()
    assert (code, reason) == (1000, "normal")
    ready, *told, over = frames
    assert over["payload"]["status"] == "replay_over"
    payload: Json = ready["payload"]
    return payload, told


def unmarked(frames: Sequence[Json]) -> list[Json]:
    return [{name: value for name, value in frame.items() if name != "replay"} for frame in frames]


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


@given(log=logs, data=st.data())
async def test_whatever_happened_every_piece_of_it_is_played_as_it_was_told(
    log: list[RecordedEvent], data: st.DataObject
) -> None:
    after = data.draw(st.integers(0, len(log)))
    last = data.draw(st.integers(after, len(log)))
    before = fold(unborn(log[0].conversation_id), log[:after])
    store = MemoryEventStore(TickingClock())
    vars(store)["_conversations"][log[0].conversation_id] = log
    texts: list[bytes] = []

    async def take(frames: Any) -> None:
        texts.extend(frames.texts)

    player = Player(store, before, last, Pace(None), EPOCH)
    await player.play(take)

    expected = []
    for recorded in log[after:last]:
        now = fold(before, (recorded,))
        expected += [msgspec.json.decode(text) for text in durable_frames(recorded, before, now, EPOCH).texts]
        before = now
    told = [msgspec.json.decode(text) for text in texts]
    assert all(frame["replay"] is True for frame in told)
    assert unmarked(told) == expected
    assert player.version == last


SECOND: Final = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("gap", "speed", "expected_s"),
    [
        (2 * SECOND, 1.0, 2.0),
        (2 * SECOND, 10.0, 0.2),
        (2 * SECOND, 0.5, 4.0),
        (-3_600 * SECOND, 1.0, 0.0),
        (3_600 * SECOND, 1.0, MAX_PAUSE_S),
        (3_600 * SECOND, 10.0, MAX_PAUSE_S / 10),
        (3_600 * SECOND, 0.1, MAX_PAUSE_S * 10),
        (2 * SECOND, None, 0.0),
    ],
    ids=str,
)
def test_a_pause_is_that_of_then_divided_by_the_speed(gap: timedelta, speed: float | None, expected_s: float) -> None:
    assert pause_s(NOON, NOON + gap, speed) == pytest.approx(expected_s)


class Evening:
    """A clock that only sleeping moves, and what somebody does meanwhile."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(round(seconds, 3))
        self.now_s += seconds


def times(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=second) for second in seconds]


async def test_what_is_sent_late_is_caught_up_with_a_little_and_a_slow_client_is_not() -> None:
    evening = Evening()
    pace = Pace(2.0, lambda: evening.now_s, evening.sleep)
    for occurred_at, sending_s in zip(times(0, 1, 2, 3, 4), (0.0, 0.05, 0.0, 30.0, 0.0), strict=True):
        await pace.wait(occurred_at)
        evening.now_s += sending_s
    await pace.wait(*times(5))

    assert MAX_LATE_S < 0.5
    assert evening.slept_s == [0.0, 0.5, 0.45, 0.5, 0.0, 0.5]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(
            ({"replay": speed}, "replay")
            for speed in ("", "0", "0.09", "1000.1", "-1", "nan", "inf", "1e3", "fast", "\u0661")
        ),
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


async def given_pause(server: RunningServer) -> ConversationId:
    """A conversation of two events, between which at the slowest more time passes than any test has."""
    conversation_id = await given_events(server, STARTED)
    later = an_append(conversation_id, 1, events=[message("later")], tenant_id=DEFAULT_TENANT)
    origin = replace(later.origin, occurred_at=later.origin.occurred_at + timedelta(hours=1))
    await server.parts.store.append(replace(later, origin=origin))
    return conversation_id


async def until_first_event(client: SocketClient) -> None:
    """The replay has begun, and is in its pause."""
    assert (await client.next())["payload"]["status"] == "ready"
    assert (await client.next_durable())["seq"] == 1


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
    conversation_id = await given_pause(server)
    for is_polite in (True, False):
        async with connected(server.address, conversation_id, replay="0.1") as client:
            await until_first_event(client)
            assert len(server.parts.live) == 1
            if not is_polite:
                client.connection.transport.abort()
        await until(lambda: len(server.parts.live) == 0)


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


async def test_what_happens_meanwhile_is_not_told_and_the_hub_never_knows(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    await rest.given_command(conversation_id, "start_listening")
    subscribers = server.parts.hub.subscriber_count

    async with (
        connected(server.address, conversation_id, replay="1") as replaying,
        connected(server.address, conversation_id) as live,
    ):
        ready = await replaying.next()
        await live.until_live()
        assert server.parts.hub.subscriber_count == subscribers + 1
        await rest.given_command(conversation_id, "stop_listening")
        await live.collect(until_seq=3)
        frames, code, _ = await replaying.closed()

    assert ready["payload"]["resume"]["head"] == 2
    assert [frame["seq"] for frame in frames] == [1, 2, 2, None]
    assert code == 1000


async def test_a_slow_client_slows_the_replay_and_loses_nothing(server: RunningServer) -> None:
    # given much more than the network takes
    count = 300
    conversation_id = await given_events(server, STARTED, *(message(LARGE_TEXT) for _ in range(count)))
    slow = connected(server.address, conversation_id, replay="max", receive_buffer_bytes=SMALL_BUFFER_BYTES)
    async with slow as client:
        # when the client does not read
        await until(lambda: any(one.subscriber.is_waiting for one in server.parts.live))
        (connection,) = server.parts.live
        assert connection.subscriber.writes < count

        # then nothing piles up for it, and it gets all when it does read
        assert vars(connection.subscriber)["_frame_count"] == 0
        _, told = await whole_replay(client)

    assert [frame["seq"] for frame in told if frame["type"] == "transcript_update"] == list(range(2, count + 2))


async def test_a_client_that_takes_nothing_is_closed_with_4499_and_goes_on_where_it_was(server: RunningServer) -> None:
    count = 300
    conversation_id = await given_events(server, STARTED, *(message(LARGE_TEXT) for _ in range(count)))
    stuck = connected(server.address, conversation_id, replay="max", receive_buffer_bytes=SMALL_BUFFER_BYTES)
    async with stuck as client:
        await until(lambda: any(one.subscriber.is_waiting for one in server.parts.live))
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
        range(last + 1, count + 2)
    )
