"""The door of the sockets: what a client gets when it comes, comes back, or should not have come."""

import msgspec
import pytest

from app.ws.protocol import MAX_FRAME_BYTES, MAX_REPLAY_EVENTS
from domain.ids import DEFAULT_TENANT
from tests.support.appends import an_append, message
from tests.support.rest import NOBODYS_ID, Rest
from tests.support.server import RunningServer
from tests.support.sockets import Json, connected
from tests.support.waiting import until


async def given_dialogue(rest: Rest) -> str:
    """A conversation of twelve events, of which one gives three messages."""
    conversation_id = await rest.given_speaking()
    for name, payload in (
        ("interrupt_response", {"generated_text": "At seven, or", "heard_text": "At"}),
        ("resume_speech", {}),
        ("complete_response", {"content": "At seven, or at eight?"}),
        ("start_listening", {"source": "voice"}),
        ("submit_user_message", {"content": "At eight."}),
        ("start_tool_call", {"tool_call_id": "1", "name": "book"}),
        ("complete_tool_call", {"tool_call_id": "1", "result": {"booked": True}}),
        ("fail_turn", {"code": "agent_lost", "message": "The agent is gone.", "retryable": True}),
        ("change_metadata", {"metadata": {"plan": "gold"}}),
    ):
        await rest.given_command(conversation_id, name, **payload)
    return conversation_id


def resume_of(handshake: list[Json]) -> Json:
    """What `ready` says of the resumption."""
    resume: Json = handshake[0]["payload"]["resume"]
    return resume


async def epoch_of(rest: Rest, conversation_id: str) -> str:
    return str((await rest.conversation(conversation_id))["epoch"])


async def test_a_fresh_client_gets_ready_then_a_snapshot_then_live(server: RunningServer, rest: Rest) -> None:
    conversation_id = await given_dialogue(rest)

    async with connected(server.address, conversation_id) as client:
        ready, snapshot, live = await client.until_live()

    assert client.connection.subprotocol == "conv.v1"
    assert ready["payload"]["heartbeat_interval_ms"] == 25_000
    assert ready["payload"]["limits"]["max_frame_bytes"] == MAX_FRAME_BYTES
    assert resume_of([ready]) == {
        "outcome": "fresh",
        "after": 12,
        "head": 12,
        "epoch": await epoch_of(rest, conversation_id),
        "replay_count": 0,
    }
    assert live["payload"]["head"] == 12
    shown = snapshot["payload"]
    assert (shown["reason"], shown["as_of_seq"], shown["to"], shown["status"]) == ("snapshot", 12, "IDLE", "ERROR")
    assert [(one["role"], one["text"]) for one in shown["messages"]] == [
        ("user", "A table for two?"),
        ("assistant", "At seven, or at eight?"),
        ("user", "At eight."),
    ]


async def test_a_replay_gives_what_a_live_client_got_from_every_version_on(server: RunningServer, rest: Rest) -> None:
    # given the messages that somebody got who was there from the beginning
    conversation_id = await given_dialogue(rest)
    epoch = await epoch_of(rest, conversation_id)
    async with connected(server.address, conversation_id, after=0) as first:
        whole = [frame for frame in await first.until_live() if frame["seq"] is not None]
    assert [frame["seq"] for frame in whole if frame.get("part", [1, 1])[0] == 1] == list(range(1, 13))

    for after in range(13):
        # when a client comes back that has everything up to `after`
        async with connected(server.address, conversation_id, after=after, epoch=epoch) as client:
            handshake = await client.until_live()

        # then it gets exactly the rest
        missed = [frame for frame in whole if frame["seq"] > after]
        assert handshake[1:-1] == missed
        assert resume_of(handshake) == {
            "outcome": "resumed",
            "after": after,
            "head": 12,
            "epoch": epoch,
            "replay_count": len(missed),
        }


async def test_live_messages_are_equal_to_their_replay(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    async with connected(server.address, conversation_id) as client:
        await client.until_live()
        await rest.given_message(conversation_id, content="A table for two?")
        await rest.given_message(conversation_id, role="assistant", content="At seven?")
        await client.collect(until_seq=3)

    async with connected(server.address, conversation_id, after=1) as later:
        await later.until_live()

    assert [text for text in client.texts if '"seq":null' not in text] == later.texts[1:-1]


@pytest.mark.parametrize(
    "cursor",
    [{"after": 5}, {"after": 10**15}, {"after": 2, "epoch": "another"}, {"after": 0, "epoch": "another"}],
    ids=str,
)
async def test_what_cannot_be_replayed_is_declared_a_gap(server: RunningServer, rest: Rest, cursor: Json) -> None:
    conversation_id = await rest.given_speaking()

    async with connected(server.address, conversation_id, **cursor) as client:
        handshake = await client.until_live()

    assert resume_of(handshake)["outcome"] == "gap"
    assert [frame["payload"].get("reason") for frame in handshake] == [None, "snapshot", None]
    assert handshake[1]["payload"]["as_of_seq"] == 3


async def test_a_replay_has_at_most_500_events(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    await append(server, conversation_id, expected_version=1, count=MAX_REPLAY_EVENTS)

    async with connected(server.address, conversation_id, after=0) as one_too_many:
        assert resume_of(await one_too_many.until_live())["outcome"] == "gap"
    async with connected(server.address, conversation_id, after=1) as as_many_as_allowed:
        handshake = await as_many_as_allowed.until_live()

    assert resume_of(handshake)["outcome"] == "resumed"
    assert [frame["seq"] for frame in handshake[1:-1:2]] == list(range(2, MAX_REPLAY_EVENTS + 2))


async def append(server: RunningServer, conversation_id: str, *, expected_version: int, count: int) -> None:
    """So many messages at once."""
    events = [message(f"message {number}") for number in range(count)]
    await server.parts.store.append(
        an_append(conversation_id, expected_version, events=events, tenant_id=DEFAULT_TENANT)
    )


@pytest.mark.parametrize("conversation_id", [NOBODYS_ID, "not-an-id", NOBODYS_ID.upper()])
async def test_no_conversation_is_4404_after_an_error(server: RunningServer, conversation_id: str) -> None:
    async with connected(server.address, conversation_id) as client:
        frames, code, reason = await client.closed()

    assert [frame["payload"]["code"] for frame in frames] == ["not_found"]
    assert frames[0]["payload"]["fatal"] is True
    assert (code, reason) == (4404, "not_found")


@pytest.mark.parametrize("after", ["-1", "1.5", "x", "9223372036854775808", "%F0%9F%98%80", "²"])
async def test_a_cursor_that_is_none_is_4400(server: RunningServer, rest: Rest, after: str) -> None:
    async with connected(server.address, await rest.given_conversation(), after=after) as client:
        frames, code, _ = await client.closed()

    assert (frames[0]["payload"]["code"], frames[0]["payload"]["field"]) == ("invalid_query", "after")
    assert code == 4400


async def test_an_unknown_subprotocol_is_4406(server: RunningServer, rest: Rest) -> None:
    async with connected(server.address, await rest.given_conversation(), subprotocols=["conv.v9"]) as client:
        frames, code, reason = await client.closed()

    assert (frames, code, reason) == ([], 4406, "unsupported_protocol")
    assert client.connection.subprotocol is None


@pytest.mark.parametrize("offered", [None, ["other", "conv.v1", "bearer.c2VjcmV0"]])
async def test_no_subprotocol_means_ours_and_ours_is_echoed(
    server: RunningServer, rest: Rest, offered: list[str] | None
) -> None:
    async with connected(server.address, await rest.given_conversation(), subprotocols=offered) as client:
        await client.until_live()

    assert client.connection.subprotocol == ("conv.v1" if offered else None)


MALFORMED = {
    "{": "body",
    "[]": "body",
    '{"type": "command"}': "name",
    '{"type": "shout"}': "type",
    '{"type": "ping", "n": "one"}': "n",
    '{"type": "command", "id": "1", "name": "retry_turn"}': "id",
    '{"type": "command", "name": "retry_turn", "loud": true}': "loud",
    "[" * 5_000: "body",
}


@pytest.mark.parametrize(("text", "field"), MALFORMED.items(), ids=lambda value: str(value)[:40])
async def test_the_third_malformed_frame_closes_with_4400(
    server: RunningServer, rest: Rest, text: str, field: str
) -> None:
    async with connected(server.address, await rest.given_conversation()) as client:
        await client.until_live()
        for _ in range(3):
            await client.connection.send(text)
        frames, code, reason = await client.closed()

    assert [error["payload"]["field"] for error in frames] == [field] * 3
    assert [error["payload"]["fatal"] for error in frames] == [False, False, True]
    assert (code, reason) == (4400, "bad_message")


async def test_two_malformed_frames_are_forgiven(server: RunningServer, rest: Rest) -> None:
    async with connected(server.address, await rest.given_conversation()) as client:
        await client.until_live()
        for _ in range(2):
            await client.connection.send("{")

        assert (await client.command("start_listening"))["version"] == 2


async def test_a_binary_frame_is_1003(server: RunningServer, rest: Rest) -> None:
    async with connected(server.address, await rest.given_conversation()) as client:
        await client.until_live()
        await client.connection.send(b'{"type": "ping"}')

        assert (await client.closed())[1] == 1003


async def test_a_frame_of_64_kib_is_read_and_a_larger_one_is_1009(server: RunningServer, rest: Rest) -> None:
    async with connected(server.address, await rest.given_conversation()) as client:
        await client.until_live()
        await client.connection.send(ping_of(MAX_FRAME_BYTES))
        assert (await client.next())["payload"] == {"status": "pong", "n": 7}
        await client.connection.send(ping_of(MAX_FRAME_BYTES + 1))

        assert (await client.closed())[1] == 1009


def ping_of(size_bytes: int) -> str:
    """A frame of exactly this size."""
    frame = msgspec.json.encode({"type": "ping", "n": 7}).decode()
    return frame + " " * (size_bytes - len(frame))


async def test_a_client_that_leaves_is_forgotten(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    before = server.parts.hub.subscriber_count

    async with connected(server.address, conversation_id) as client:
        await client.until_live()
        assert server.parts.hub.subscriber_count == before + 1

    await until(lambda: server.parts.hub.subscriber_count == before)
