"""The feed of a tenant: exactly what came after a position, in order, whoever stored it, and nobody else's."""

import random
from typing import Any

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from adapters.postgres.connection import service_conninfo
from adapters.system.clock import SystemClock
from app.ws.feed import resume, tenants
from app.ws.feed.events import in_feed
from app.ws.frames import encode
from app.ws.live import SILENT_BEATS, STUCK_BEATS
from app.ws.protocol import MAX_REPLAY_EVENTS, Envelope, Live
from domain.ids import DEFAULT_TENANT, TenantId
from tests.support.appends import an_append, message, new_conversation, new_id, running_appender
from tests.support.feeds import durable, feeding
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest, path
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import Json, connected
from tests.support.waiting import until

LARGE_TEXT = "0123456789" * 3_000
SMALL_BUFFER_BYTES = 16 * 1024
EPOCH = "e"


async def given_dialogue(rest: Rest, **fields: str) -> str:
    """A conversation of six events, of which one gives three messages, and one two and no more."""
    conversation_id = await rest.given_speaking(**fields)
    await rest.given_command(conversation_id, "interrupt_response", generated_text="At seven, or", heard_text="At")
    await rest.given_command(conversation_id, "start_listening")
    await rest.client.put(path(conversation_id, "/end"))
    return conversation_id


def without_place(frame: Json) -> Json:
    """The frame as the conversation's own socket has it."""
    return {name: value for name, value in frame.items() if name not in ("position", "prev_position")}


def resume_of(handshake: list[Json]) -> Json:
    """What `ready` says of the resumption."""
    resume: Json = handshake[0]["payload"]["resume"]
    return resume


async def whole_feed(server: RunningServer, after: int, **filters: Any) -> list[Json]:
    """The durable frames of a resume."""
    async with feeding(server.address, after=after, **filters) as client:
        return durable(await client.until_live())


async def test_a_fresh_client_begins_at_the_head_and_gets_what_happens_now(server: RunningServer, rest: Rest) -> None:
    await given_dialogue(rest)
    head = await server.head_position()

    async with feeding(server.address) as client:
        ready, live = await client.until_live()
        conversation_id = await given_dialogue(rest)
        frames = await client.collect_until(await server.head_position())

    assert resume_of([ready]) == {
        "outcome": "fresh",
        "after": head,
        "head": head,
        "epoch": server.parts.hub.epoch,
        "replay_count": 0,
    }
    assert (live["payload"]["head"], live["conversation_id"]) == (head, None)
    assert frames[0]["prev_position"] == head
    assert {frame["conversation_id"] for frame in frames} == {conversation_id}


async def test_its_frames_are_those_of_the_conversation_with_their_place(server: RunningServer, rest: Rest) -> None:
    head = await server.head_position()
    async with feeding(server.address, after=head) as feed:
        await feed.until_live()
        conversation_id = await given_dialogue(rest)
        frames = await feed.collect_until(await server.head_position())
    async with connected(server.address, conversation_id, after=0) as own:
        await own.until_live()

    places = [(frame["position"], frame["prev_position"]) for frame in frames]
    pairs = zip(own.texts[1:-1], places, strict=True)
    assert feed.texts[2:] == [in_feed(text.encode(), *place).decode() for text, place in pairs]
    assert [without_place(frame) for frame in frames] == [msgspec.json.decode(text) for text in own.texts[1:-1]]


def test_the_place_is_spliced_in_as_the_envelope_would_have_it() -> None:
    envelope = Envelope(
        type="error", conversation_id="1", epoch=EPOCH, ts=SystemClock().now(), seq=7, payload=Live(head=1), prev=6
    )

    (text,) = encode(envelope).texts
    (placed,) = encode(replace(envelope, position=12, prev_position=9)).texts
    assert in_feed(text, 12, 9) == placed


async def test_a_resume_from_any_position_gives_exactly_the_rest_whoever_stored_it(
    test_databases: TestDatabases,
) -> None:
    with test_databases.clone() as dsn:
        conninfo = service_conninfo(dsn, statement_timeout_s=5, role=None)
        async with running_server(dsn) as server, http_client(server) as http, running_appender(conninfo) as elsewhere:
            rest = Rest(http)
            async with feeding(server.address, after=0) as live:
                # given a client that is there from the beginning, while two processes write by turns and at once
                await live.until_live()
                chance = random.Random(7)
                async with anyio.create_task_group() as tasks:
                    for _ in range(6):
                        tasks.start_soon(given_dialogue, rest)
                        for _ in range(chance.randrange(5)):
                            events = [message() for _ in range(chance.randrange(1, 4))]
                            tasks.start_soon(elsewhere.append, an_append(events=events))
                        await anyio.sleep(chance.random() / 50)
                head = await server.head_position()
                whole = await live.collect_until(head)
            positions = sorted({frame["position"] for frame in whole})
            assert [frame["position"] for frame in whole] == sorted(frame["position"] for frame in whole)

            # when clients come back that have everything up to each of the positions
            for after in (0, *positions):
                async with feeding(server.address, after=after, epoch=server.parts.hub.epoch) as client:
                    handshake = await client.until_live()
                # then each gets exactly the rest
                rest_of_it = [frame for frame in whole if frame["position"] > after]
                assert durable(handshake) == rest_of_it
                assert resume_of(handshake) == {
                    "outcome": "resumed",
                    "after": after,
                    "head": head,
                    "epoch": server.parts.hub.epoch,
                    "replay_count": len(rest_of_it),
                }
            assert len(positions) == len(await server.event_types_after(0))


async def test_clients_that_come_and_go_in_the_middle_of_writes_miss_nothing(test_databases: TestDatabases) -> None:
    heard: list[list[tuple[int, str]]] = []

    async def follow(server: RunningServer, seed: int, head: anyio.Event) -> None:
        """Connect again and again, each time with the cursor of the last."""
        chance, cursor, mine = random.Random(seed), 0, []
        while not (head.is_set() and cursor == await server.head_position()):
            async with feeding(server.address, after=cursor) as client:
                frames = durable(await client.until_live())
                for _ in range(chance.randrange(8)):
                    with anyio.move_on_after(0.02):
                        frames.append(await client.next_durable())
                assert client.chain is not None
                cursor = client.chain.cursor
            mine += [(frame["position"], frame["id"]) for frame in frames if frame["position"] <= cursor]
        heard.append(mine)

    with test_databases.clone() as dsn:
        conninfo = service_conninfo(dsn, statement_timeout_s=5, role=None)
        async with running_server(dsn) as server, http_client(server) as http, running_appender(conninfo) as elsewhere:
            done = anyio.Event()
            async with anyio.create_task_group() as clients:
                for seed in range(4):
                    clients.start_soon(follow, server, seed, done)
                for _ in range(15):
                    await given_dialogue(Rest(http))
                    await elsewhere.append(an_append(events=[message(), message()]))
                done.set()
            whole = [(frame["position"], frame["id"]) for frame in await whole_feed(server, 0)]

    assert heard == [whole] * 4


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"user_id": "ann"}, {"ann"}),
        ({"user_id": "nobody"}, set()),
        ({"state": "ENDED"}, {"ann", "bob"}),
        ({"state": "SPEAKING, LISTENING", "user_id": "bob"}, {"bob"}),
        ({"type": "ai_response,speech_event"}, {"ann", "bob"}),
        ({"type": "speech_event", "state": "LISTENING", "user_id": "ann"}, {"ann"}),
        ({"user_id": "", "state": "", "type": ""}, {"ann", "bob"}),
    ],
    ids=str,
)
async def test_filters_leave_out_the_rest_live_and_in_a_replay(
    server: RunningServer, rest: Rest, filters: dict[str, Any], wanted: set[str]
) -> None:
    after = await server.head_position()
    async with feeding(server.address, after=after, **filters) as client, feeding(server.address, after=after) as all_:
        await client.until_live()
        await all_.until_live()
        users = {await given_dialogue(rest, user_id=user): user for user in ("ann", "bob")}
        whole = await all_.collect_until(await server.head_position())

        def is_wanted(frame: Json) -> bool:
            """As the state of the last message of the event says."""
            (state,) = (
                one["payload"]["to"]
                for one in whole
                if one["position"] == frame["position"] and one["type"] == "state_update"
            )
            names = {name: {one.strip() for one in filters.get(name, "").split(",")} - {""} for name in filters}
            return (
                users[frame["conversation_id"]] in (names.get("user_id") or set(users.values()))
                and state in (names.get("state") or {state})
                and frame["type"] in (names.get("type") or {frame["type"]})
            )

        chosen = [without_place(frame) for frame in whole if is_wanted(frame)]
        assert {users[frame["conversation_id"]] for frame in chosen} == wanted
        live = [without_place(await client.next_durable()) for _ in chosen]

    assert live == chosen
    assert [without_place(frame) for frame in await whole_feed(server, after, **filters)] == chosen


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "SINGING"}, "state"),
        ({"state": "IDLE,singing"}, "state"),
        ({"type": "ack"}, "type"),
        ({"type": "state_update,shout"}, "type"),
        ({"user_id": "x" * 513}, "user_id"),
        ({"after": "-1"}, "after"),
        ({"after": "9" * 5_000}, "after"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_query_that_cannot_be_answered_is_refused_with_the_field(
    server: RunningServer, query: dict[str, Any], field: str
) -> None:
    async with feeding(server.address, **query) as client:
        frames, code, _ = await client.closed()

    assert code == 4400
    assert (frames[0]["payload"]["code"], frames[0]["payload"]["field"]) == ("invalid_query", field)


async def test_what_cannot_be_replayed_is_a_gap_and_begins_at_the_head(server: RunningServer, rest: Rest) -> None:
    await rest.given_conversation()
    head = await server.head_position()
    for query in ({"after": head + 1}, {"after": 2**63 - 1}, {"after": head - 1, "epoch": "another"}):
        async with feeding(server.address, **query) as client:
            ready, _ = await client.until_live()
            await rest.given_conversation()
            (frame,) = await client.collect_until(await server.head_position())
        assert resume_of([ready])["outcome"] == "gap"
        assert resume_of([ready])["after"] == resume_of([ready])["head"] == frame["prev_position"] == head
        head = await server.head_position()


async def test_a_replay_has_at_most_500_events_of_the_tenant(server: RunningServer, rest: Rest) -> None:
    after = await server.head_position()
    for count, tenant_id in ((MAX_REPLAY_EVENTS + 1, DEFAULT_TENANT), (MAX_REPLAY_EVENTS + 1, new_id())):
        events = [message() for _ in range(count)]
        await server.parts.store.append(an_append(events=events, tenant_id=tenant_id))

    async with feeding(server.address, after=after) as one_too_many:
        assert resume_of(await one_too_many.until_live())["outcome"] == "gap"
    async with feeding(server.address, after=after + 1) as as_many_as_allowed:
        handshake = await as_many_as_allowed.until_live()
    assert resume_of(handshake)["outcome"] == "resumed"
    assert len({frame["position"] for frame in durable(handshake)}) == MAX_REPLAY_EVENTS


async def test_who_is_far_behind_all_tenants_is_told_gap(
    server: RunningServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "MAX_PASSED_EVENTS", 20)
    after = await server.head_position()
    for count, outcome in ((20, "resumed"), (1, "gap")):
        events = [message() for _ in range(count)]
        await server.parts.store.append(an_append(events=events, tenant_id=new_id()))
        async with feeding(server.address, after=after) as client:
            assert resume_of(await client.until_live())["outcome"] == outcome


async def test_another_tenants_events_never_appear(server: RunningServer, rest: Rest) -> None:
    after = await server.head_position()
    async with feeding(server.address) as client:
        await client.until_live()
        foreign, tenant_id = new_conversation(), TenantId(new_id())
        begin = [message("hello"), message("a secret")]
        await server.parts.store.append(an_append(foreign, events=begin, tenant_id=tenant_id))
        await server.parts.store.append(an_append(foreign, 2, tenant_id=tenant_id))
        mine = await rest.given_conversation()
        live = await client.collect_until(await server.head_position())

    assert {frame["conversation_id"] for frame in live} == {mine}
    assert {frame["conversation_id"] for frame in await whole_feed(server, after)} == {mine}


async def test_a_heartbeat_tells_the_position_up_to_which_everything_was_sent(
    server: RunningServer, rest: Rest
) -> None:
    async with feeding(server.address, user_id="nobody") as client:
        await client.until_live()
        await given_dialogue(rest, user_id="ann")
        head = await server.head_position()
        (connection,) = server.parts.live
        await until(lambda: connection._head() == head)

        for _ in range(SILENT_BEATS + 1):
            await server.parts.pulse.beat()
        heartbeat = await client.next()

    assert (heartbeat["payload"]["status"], heartbeat["payload"]["head"]) == ("heartbeat", head)
    assert heartbeat["conversation_id"] is None


async def test_a_client_that_does_not_read_is_closed_with_4499(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    begin = await server.head_position()
    async with feeding(server.address, receive_buffer_bytes=SMALL_BUFFER_BYTES) as client:
        await client.until_live()
        (connection,) = server.parts.live
        while not connection.subscriber.is_waiting:
            await rest.given_message(conversation_id, content=LARGE_TEXT, role="system")
        for _ in range(STUCK_BEATS + 1):
            await server.parts.pulse.beat()
        frames, code, reason = await client.closed()
        assert client.chain is not None
        cursor = client.chain.cursor
    assert (code, reason) == (4499, "slow_consumer")

    # then what it got, and what it gets when it comes back, is everything
    await rest.given_message(conversation_id, content="and one more", role="system")
    got = [frame for frame in frames if frame["position"] <= cursor]
    assert got + await whole_feed(server, cursor) == await whole_feed(server, begin)
    await until(lambda: server.parts.feeds.subscriber_count == 0)


async def test_who_cannot_be_told_in_time_is_closed_with_4412_and_resumes(
    server: RunningServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "WAITING_MAX_EVENTS", 3)
    conversation_id = await rest.given_conversation()
    begin = await server.head_position()
    async with feeding(server.address) as client:
        await client.until_live()
        await server.parts.store.append(an_append(conversation_id, 1, events=[message() for _ in range(10)]))
        frames, code, reason = await client.closed()

    assert (frames, code, reason) == ([], 4412, "position_lost")
    assert len({frame["position"] for frame in await whole_feed(server, begin)}) == 10


async def test_the_feed_only_tells(server: RunningServer, rest: Rest) -> None:
    async with feeding(server.address) as client:
        await client.until_live()
        await client.send({"type": "ping", "n": 5})
        assert (await client.next())["payload"] == {"status": "pong", "n": 5}
        await client.send({"type": "ack", "seq": 5})
        for _ in range(4):
            refusal = await client.refused("start_listening")
            assert (refusal["code"], refusal["field"]) == ("invalid_command", "type")
            assert "/api/ws/conversations/" in refusal["message"]
        for _ in range(3):
            await client.send({"type": "shout"})
        frames, code, _ = await client.closed()

    assert [frame["payload"]["fatal"] for frame in frames] == [False, False, True]
    assert code == 4400


async def test_too_many_frames_are_refused_and_then_4429(test_databases: TestDatabases) -> None:
    settings = replace(TEST_SETTINGS, socket_messages_per_s=0.001, socket_messages_burst=2)
    with test_databases.clone() as dsn:
        async with running_server(dsn, settings) as server, feeding(server.address) as client:
            await client.until_live()
            for _ in range(4):
                await client.send({"type": "ping"})
            frames, code, _ = await client.closed()

    assert [frame["payload"].get("code") for frame in frames] == [None, None, "rate_limited", "rate_limited"]
    assert code == 4429


async def test_a_service_that_stops_says_so_and_closes_with_1012(test_databases: TestDatabases) -> None:
    with test_databases.clone() as dsn:
        async with anyio.create_task_group() as tasks, running_server(dsn) as server:
            client_is_live = anyio.Event()

            async def watch() -> None:
                async with feeding(server.address) as client:
                    await client.until_live()
                    client_is_live.set()
                    frames, code, _ = await client.closed()
                assert [frame["payload"]["status"] for frame in frames] == ["draining"]
                assert code == 1012

            tasks.start_soon(watch)
            await client_is_live.wait()
