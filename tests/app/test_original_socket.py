"""An original client at a socket: it knows six types and seven states, and nothing of versions or commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rest import Rest, new_id
from tests.support.server import RunningServer
from tests.support.sockets import Json, SocketClient, connected

TYPES: Final = ("state_update", "transcript_update", "ai_response", "speech_event")


class OriginalClient:
    """Sends its frames, and understands of what it gets only what it always has."""

    def __init__(self, socket: SocketClient) -> None:
        self._socket = socket

    async def send(self, kind: str, *, envelope: Json | None = None, **payload: Any) -> None:
        """One of its own frames."""
        await self._socket.send({"type": kind, "timestamp": 1_700_000_000.5, **(envelope or {}), "payload": payload})

    async def told(self, kind: str) -> Json:
        """The payload of the next frame of this type."""
        payload: Json = (await self._socket.find(lambda frame: frame["type"] == kind))["payload"]
        return payload

    async def shown(self) -> str:
        """The state that it is in now, of seven."""
        return str((await self.told("state_update"))["status"])


@asynccontextmanager
async def original_client(server: RunningServer, conversation_id: str) -> AsyncIterator[OriginalClient]:
    """One that is connected, and knows the state."""
    async with connected(server.address, conversation_id, subprotocols=None) as socket:
        await socket.until_live()
        yield OriginalClient(socket)


async def test_a_conversation_as_it_always_was(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    async with (
        original_client(server, conversation_id) as client,
        original_client(server, conversation_id) as screen,
    ):
        # the user begins to speak
        await client.send("speech_event", event="started", actor="user")
        assert (await screen.told("speech_event"))["event"] == "started"
        assert await screen.shown() == "LISTENING"

        # what is understood so far is shown, and then all of it
        await client.send("transcript_update", text="A table", speaker="user", is_final=False)
        assert (await screen.told("transcript_update"))["text"] == "A table"
        await client.send("transcript_update", text="A table for two?", speaker="user", is_final=True, confidence=0.9)
        final = await screen.told("transcript_update")
        assert (final["text"], final["is_final"]) == ("A table for two?", True)
        assert await screen.shown() == "PROCESSING"

        # the agent answers, piece by piece
        await client.send("state_update", state="SPEAKING", previous_state="PROCESSING")
        assert await screen.shown() == "SPEAKING"
        for piece in ("At ", "seven", "?"):
            await client.send("ai_response", delta=piece, is_final=False)
        pieces = [await screen.told("ai_response") for _ in range(3)]
        assert [(piece["offset"], piece["delta"]) for piece in pieces] == [(0, "At "), (3, "seven"), (8, "?")]
        await client.send("ai_response", response="At seven?", response_id="answer-1", is_final=True)
        assert (await screen.told("ai_response"))["text"] == "At seven?"
        assert await screen.shown() == "WAITING_FOR_USER"

        # the next turn fails
        await client.send("transcript_update", text="At eight.", is_final=True)
        assert await screen.shown() == "PROCESSING"
        await client.send("state_update", state="ERROR", code="llm_failed", message="No answer.")
        assert (await screen.told("error"))["code"] == "llm_failed"
        assert await screen.shown() == "ERROR"

        await client.send("state_update", state="ENDED")
        assert await screen.shown() == "ENDED"

    assert await rest.event_types(conversation_id) == [
        "conversation_started",
        "listening_started",
        "user_message_received",
        "response_started",
        "response_completed",
        "user_message_received",
        "turn_failed",
        "conversation_ended",
    ]


async def test_a_barge_in_and_a_false_one(server: RunningServer, rest: Rest) -> None:
    async with original_client(server, await rest.given_speaking()) as client:
        await client.send("speech_event", event_type="interrupted", at_ms=700, heard_text="At")
        assert (await client.told("ai_response"))["heard_text"] == "At"
        assert await client.shown() == "LISTENING"

        await client.send("speech_event", event="resumed")
        assert await client.shown() == "SPEAKING"

        await client.send("state_update", state="LISTENING")
        assert await client.shown() == "LISTENING"


async def test_how_far_the_voice_has_come_is_told_and_not_stored(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_speaking()

    async with original_client(server, conversation_id) as client:
        await client.send("speech_event", event="playback_progress", at_ms=1_200)
        progress = await client.told("speech_event")
        await client.send("speech_event", event="stopped", actor="agent")
        stopped = await client.told("speech_event")

    assert progress == {"event": "playback_progress", "actor": "agent", "at_ms": 1_200}
    assert stopped == {"event": "stopped", "actor": "agent"}
    assert len(await rest.event_types(conversation_id)) == 3


async def test_what_is_done_is_acknowledged_and_what_is_not_is_an_error(server: RunningServer, rest: Rest) -> None:
    async with original_client(server, await rest.given_conversation()) as client:
        await client.send("state_update", state="PROCESSING")
        refused = await client.told("error")
        await client.send("state_update", state="IDLE")
        true_already = await client.told("ack")
        await client.send("state_update", state="LISTENING")
        done = await client.told("ack")

    assert (refused["code"], refused["state"], refused["fatal"]) == ("invalid_transition", "IDLE", False)
    assert "submit_user_message" in refused["allowed"]
    assert (true_already["version"], done["version"]) == (1, 2)


@pytest.mark.parametrize("field", ["id", "message_id"])
async def test_a_frame_with_an_id_that_is_a_uuid_can_be_sent_again(
    server: RunningServer, rest: Rest, field: str
) -> None:
    conversation_id, command_id = await rest.given_conversation(), new_id()
    envelope = {field: command_id.upper()}

    async with original_client(server, conversation_id) as client:
        await client.send("transcript_update", envelope=envelope, text="Hello?")
        first = await client.told("ack")
        await client.send("transcript_update", envelope=envelope, text="Hello?")
        again = await client.told("ack")
        await client.send("transcript_update", envelope=envelope, text="Hello!")
        mismatch = await client.told("error")

    assert (first["command_id"], first["replayed"]) == (command_id, False)
    assert again == {**first, "replayed": True}
    assert (mismatch["code"], mismatch["command_id"]) == ("idempotency_mismatch", command_id)
    assert len(await rest.event_types(conversation_id)) == 2


@pytest.mark.parametrize("odd_id", ["1", 7, None, {"a": [1]}, ""], ids=str)
async def test_any_other_id_is_passed_over(server: RunningServer, rest: Rest, odd_id: Any) -> None:
    async with original_client(server, await rest.given_conversation()) as client:
        await client.send("transcript_update", envelope={"id": odd_id, "source": "stt", "seq": "x"}, text="Hello?")

        assert (await client.told("ack"))["version"] == 2


WRONG: Final[list[tuple[str, Json, str]]] = [
    ("state_update", {"state": "DANCING"}, "payload.state"),
    ("state_update", {"to": 7}, "payload.to"),
    ("transcript_update", {"is_final": True}, "payload.text"),
    ("transcript_update", {"content": "x" * 33_000}, "payload.content"),
    ("transcript_update", {"text": "a\0b", "is_final": False}, "payload.text"),
    ("ai_response", {"delta": 1}, "payload.delta"),
    ("speech_event", {"event": "sang"}, "payload.event"),
]


@pytest.mark.parametrize(("kind", "payload", "field"), WRONG, ids=lambda value: str(value)[:40])
async def test_what_cannot_be_understood_is_named_and_costs_nothing(
    server: RunningServer, rest: Rest, kind: str, payload: Json, field: str
) -> None:
    async with original_client(server, await rest.given_conversation()) as client:
        for _ in range(4):
            await client.send(kind, **payload)
            error = await client.told("error")
            assert (error["code"], error["field"], error["fatal"]) == ("invalid_command", field, False)

        await client.send("state_update", state="LISTENING")
        assert await client.shown() == "LISTENING"


async def test_frames_are_taken_in_their_order(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    async with original_client(server, conversation_id) as client:
        await client.send("transcript_update", text="A table for two?")
        await client.send("speech_event", event="playback_progress", at_ms=1)
        await client.send("state_update", state="SPEAKING")
        await client.send("ai_response", text="At seven.")
        statuses = [await client.shown() for _ in range(3)]

    assert statuses == ["PROCESSING", "SPEAKING", "WAITING_FOR_USER"]


scalars = st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=8)
payloads = st.dictionaries(
    st.sampled_from(
        ["state", "to", "text", "content", "delta", "response", "is_final", "event", "actor", "speaker", "offset"]
    ),
    scalars | st.sampled_from(["LISTENING", "SPEAKING", "IDLE", "started", "stopped", "user", "agent", "a\0b"]),
    max_size=5,
)
frames = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES), "payload": payloads | scalars}, optional={"id": scalars, "message_id": scalars}
)


@given(sent=st.lists(frames, max_size=4))
async def test_no_frame_makes_the_socket_fail(server: RunningServer, rest: Rest, sent: list[Json]) -> None:
    async with connected(server.address, await rest.given_conversation()) as client:
        await client.until_live()
        for frame in sent:
            await client.send(frame)
        await client.connection.send(msgspec.json.encode({"type": "ping", "n": 7}), text=True)

        answers: list[Json] = []
        while not answers or answers[-1]["payload"].get("status") != "pong":
            answers.append(await client.next())

    told = [answer["payload"] for answer in answers if answer["seq"] is None and answer["type"] == "error"]
    assert "internal_error" not in [error["code"] for error in told]
