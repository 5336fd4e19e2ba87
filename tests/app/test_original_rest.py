"""The requests of original clients do the same as commands do, and are answered in their seven states."""

from typing import Any, Final

import httpx
import pytest

from domain.conversation.events import ListeningStarted
from domain.ids import DEFAULT_TENANT
from tests.support.appends import an_append
from tests.support.rest import NOBODYS_ID, Json, Rest, key, new_id, then_problem
from tests.support.rest import path as v2_path
from tests.support.server import RunningServer
from tests.support.sockets import connected

ROUTES: Final = ("state", "transcript", "ai-response")
FINAL: Final[dict[str, Json]] = {
    "state": {"state": "LISTENING"},
    "transcript": {"text": "A table for two?"},
    "ai-response": {"response": "At seven."},
}
INTERIM: Final[dict[str, Json]] = {
    "transcript": {"text": "A table", "is_final": False, "segment_id": "1", "revision": 3},
    "ai-response": {"delta": "At", "response_id": "answer-1"},
}
STATE_FIELDS: Final = {"conversation_id", "state", "previous_state", "version", "updated_at", "allowed"}
MESSAGE_FIELDS: Final = {*STATE_FIELDS, "is_final", "message_id"}


def path(conversation_id: str, route: str = "state") -> str:
    """The path of an original route."""
    return f"/api/conversations/{conversation_id}/{route}"


async def post(
    rest: Rest, conversation_id: str, route: str, headers: dict[str, str] | None = None, **body: Any
) -> httpx.Response:
    """POST to an original route."""
    return await rest.client.post(path(conversation_id, route), json=body, headers=headers)


async def granted(rest: Rest, conversation_id: str, route: str, **body: Any) -> Json:
    """The answer to a POST that succeeds."""
    response = await post(rest, conversation_id, route, **body)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


async def test_a_whole_conversation(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    steps = [
        await granted(rest, conversation_id, "state", state="LISTENING"),
        await granted(rest, conversation_id, "transcript", text="A table for two?", speaker="user", confidence=0.9),
        await granted(rest, conversation_id, "state", new_state="SPEAKING", metadata={"voice": {"speed": 1.5}}),
        await granted(rest, conversation_id, "ai-response", response="At seven.", response_id="answer-1"),
        await granted(rest, conversation_id, "state", to="ENDED", reason="hung up", timestamp=1_700_000_000),
    ]

    assert [(step["previous_state"], step["state"]) for step in steps] == [
        ("IDLE", "LISTENING"),
        ("LISTENING", "PROCESSING"),
        ("PROCESSING", "SPEAKING"),
        ("SPEAKING", "WAITING_FOR_USER"),
        ("WAITING_FOR_USER", "ENDED"),
    ]
    assert [step["version"] for step in steps] == [2, 3, 4, 5, 6]
    assert await rest.event_types(conversation_id) == [
        "conversation_started",
        "listening_started",
        "user_message_received",
        "response_started",
        "response_completed",
        "conversation_ended",
    ]


async def test_the_state_is_one_of_seven(rest: Rest) -> None:
    conversation_id = await rest.given_speaking()

    response = await rest.client.get(path(conversation_id))

    answer = response.json()
    assert response.status_code == 200
    assert response.headers["etag"] == '"3"'
    assert set(answer) == STATE_FIELDS
    assert (answer["conversation_id"], answer["state"], answer["version"]) == (conversation_id, "SPEAKING", 3)
    assert "complete_response" in answer["allowed"]
    assert answer["updated_at"].endswith("Z")
    assert answer["previous_state"] is None


async def test_an_error_is_a_state(rest: Rest) -> None:
    conversation_id = await rest.given_speaking()

    failed = await granted(rest, conversation_id, "state", state="error", code="tts_failed", message="No voice.")

    assert failed["state"] == "ERROR"
    assert (await rest.get(path(conversation_id)))["state"] == "ERROR"
    conversation = await rest.conversation(conversation_id)
    assert (conversation["state"], conversation["fault"]["code"]) == ("IDLE", "tts_failed")


async def test_who_has_the_state_already_is_not_sent_it_again(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    response = await rest.client.get(path(conversation_id), headers={"If-None-Match": '"1"'})

    assert (response.status_code, response.content) == (304, b"")


@pytest.mark.parametrize("wanted", ["IDLE", "WAITING_FOR_USER"])
async def test_a_state_that_is_there_already_stores_nothing(rest: Rest, server: RunningServer, wanted: str) -> None:
    conversation_id = await rest.given_conversation()
    head = await server.head_position()

    answer = await granted(rest, conversation_id, "state", state=wanted)

    assert (answer["state"], answer["previous_state"], answer["version"]) == ("IDLE", "IDLE", 1)
    assert await server.head_position() == head


async def test_what_others_have_stored_meanwhile_decides_whether_a_wish_is_true(
    rest: Rest, server: RunningServer
) -> None:
    # given a conversation that another process has moved, unnoticed by this one
    conversation_id = await rest.given_conversation()
    listening = an_append(
        conversation_id, expected_version=1, events=[ListeningStarted(turn=1, source="voice")], tenant_id=DEFAULT_TENANT
    )
    await server.parts.store.append(listening)

    # when a state is wished for that was there before
    answer = await granted(rest, conversation_id, "state", state="IDLE")

    # then it is brought about
    assert (answer["previous_state"], answer["state"], answer["version"]) == ("LISTENING", "IDLE", 3)


@pytest.mark.parametrize("headers", [{"If-Match": "x"}, {"Idempotency-Key": "ä".encode()}], ids=str)
async def test_a_header_that_cannot_be_read_is_refused_also_where_nothing_is_stored(
    rest: Rest, headers: dict[str, str]
) -> None:
    conversation_id = await rest.given_conversation()

    response = await post(rest, conversation_id, "transcript", headers, **INTERIM["transcript"])

    then_problem(response, 400, "invalid_header", next(iter(headers)))


async def test_a_state_that_cannot_be_is_refused_with_what_can(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    problem = then_problem(await post(rest, conversation_id, "state", state="PROCESSING"), 409, "invalid_transition")

    assert (problem["state"], problem["version"]) == ("IDLE", 1)
    assert "submit_user_message" in problem["allowed"]


async def test_the_policy_decides_when_the_turn_is_taken(rest: Rest) -> None:
    refusing = await rest.given_speaking()
    waiting = await rest.given_speaking(policies={"on_busy": "enqueue"})

    then_problem(await post(rest, refusing, "transcript", text="And?"), 409, "busy")
    answer = await granted(rest, waiting, "transcript", text="And?")

    assert (answer["state"], answer["version"]) == ("SPEAKING", 4)
    assert answer["message_id"] is not None
    assert (await rest.event_types(waiting))[-1] == "user_message_queued"


async def test_what_is_final_is_a_message(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    asked = await granted(rest, conversation_id, "transcript", content="A table?", is_final=True, segment_id="7")
    answered = await granted(rest, conversation_id, "transcript", text="At seven.", speaker="agent")
    late = await granted(rest, conversation_id, "ai-response", text="Or at eight.")

    assert set(asked) == MESSAGE_FIELDS
    position = (await rest.get(v2_path(conversation_id, "/events")))["data"][-1]["position"]
    messages = (await rest.get(v2_path(conversation_id, "/messages"), min_position=position))["data"]
    assert [message["id"] for message in messages] == [step["message_id"] for step in (asked, answered, late)]
    assert [(message["role"], message["content"]) for message in messages] == [
        ("user", "A table?"),
        ("assistant", "At seven."),
        ("assistant", "Or at eight."),
    ]
    assert (await rest.event_types(conversation_id))[1:] == [
        "user_message_received",
        "response_completed",
        "message_recorded",
    ]


@pytest.mark.parametrize("route", INTERIM)
async def test_what_is_not_final_is_told_to_the_sockets_and_not_stored(
    rest: Rest, server: RunningServer, route: str
) -> None:
    conversation_id = await rest.given_conversation()
    async with connected(server.address, conversation_id) as client:
        await client.until_live()
        head = await server.head_position()

        answer = await granted(rest, conversation_id, route, **INTERIM[route])

        told = await client.next()
    assert (answer["is_final"], answer["message_id"], answer["version"]) == (False, None, 1)
    assert (told["seq"], told["final"]) == (None, False)
    if route == "transcript":
        assert (told["type"], told["key"], told["rev"]) == ("transcript_update", "1", 3)
        assert (told["payload"]["text"], told["payload"]["is_final"]) == ("A table", False)
    else:
        assert (told["type"], told["key"]) == ("ai_response", "answer-1")
        assert told["payload"] == {"response_id": "answer-1", "offset": 0, "delta": "At"}
    assert await server.head_position() == head


async def test_the_pieces_of_an_answer_are_put_one_behind_the_other(rest: Rest, server: RunningServer) -> None:
    conversation_id = await rest.given_speaking()
    async with connected(server.address, conversation_id) as client:
        await client.until_live()
        for piece in ("At ", "seven", "."):
            await granted(rest, conversation_id, "ai-response", delta=piece, is_final=False)

        told = [(await client.next())["payload"] for _ in range(3)]

    assert [(piece["offset"], piece["delta"]) for piece in told] == [(0, "At "), (3, "seven"), (8, ".")]


@pytest.mark.parametrize("route", ROUTES)
async def test_a_retry_is_answered_with_the_same_bytes(rest: Rest, route: str) -> None:
    conversation_id = await rest.given_conversation()
    headers = key()
    first = await post(rest, conversation_id, route, headers, **FINAL[route])
    await rest.given_message(conversation_id, role="system", content="Meanwhile.")

    again = await post(rest, conversation_id, route, headers, **FINAL[route])
    other = await post(rest, conversation_id, route, headers, **{**FINAL[route], "text": "Else.", "to": "ENDED"})

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"] == '"2"'
    if route == "transcript":
        then_problem(other, 422, "idempotency_mismatch")
    else:
        assert other.content == first.content, "only what counts is compared"


@pytest.mark.parametrize("route", ROUTES)
async def test_a_version_that_is_not_there_is_412(rest: Rest, route: str) -> None:
    conversation_id = await rest.given_conversation()

    refused = await post(rest, conversation_id, route, {"If-Match": '"7"'}, **FINAL[route])
    taken = await post(rest, conversation_id, route, {"If-Match": '"1"'}, **FINAL[route])

    assert then_problem(refused, 412, "precondition_failed", "If-Match")["version"] == 1
    assert taken.status_code == 200


@pytest.mark.parametrize("conversation_id", [NOBODYS_ID, "not-an-id"])
async def test_no_conversation_is_404(rest: Rest, conversation_id: str) -> None:
    then_problem(await rest.client.get(path(conversation_id)), 404, "not_found")
    for route in ROUTES:
        then_problem(await post(rest, conversation_id, route, **FINAL[route]), 404, "not_found")
    for route, body in INTERIM.items():
        then_problem(await post(rest, conversation_id, route, **body), 404, "not_found")


UNACCEPTABLE: Final[list[tuple[str, bytes, str, str]]] = [
    ("state", b"{", "malformed_json", "body"),
    ("state", b"", "invalid_command", "state"),
    ("state", b'{"state": 7}', "invalid_command", "state"),
    ("state", b'{"new_state": "DANCING"}', "invalid_command", "new_state"),
    ("state", b'{"state": "ERROR", "message": "a\\u0000b"}', "invalid_command", "message"),
    ("transcript", b'{"is_final": true}', "invalid_command", "text"),
    ("transcript", b'{"text": "Hello.", "is_final": "yes"}', "invalid_command", "is_final"),
    ("transcript", b'{"text": "Hello.", "confidence": 95}', "invalid_command", "confidence"),
    ("transcript", b'{"content": "' + b"x" * 40_000 + b'"}', "invalid_command", "content"),
    ("ai-response", b'{"response": null}', "invalid_command", "response"),
    ("ai-response", b'{"delta": "At", "offset": -1}', "invalid_command", "offset"),
]


@pytest.mark.parametrize(("route", "body", "code", "field"), UNACCEPTABLE, ids=lambda value: str(value)[:40])
async def test_what_cannot_be_understood_is_named(
    rest: Rest, server: RunningServer, route: str, body: bytes, code: str, field: str
) -> None:
    conversation_id = await rest.given_conversation()
    head = await server.head_position()

    response = await rest.client.post(
        path(conversation_id, route), content=body, headers={"Content-Type": "application/json"}
    )

    then_problem(response, 400, code, field)
    assert await server.head_position() == head


async def test_an_id_of_a_message_that_is_taken_is_409(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    message_id = new_id()
    first = await granted(rest, conversation_id, "ai-response", text="Welcome.", message_id=message_id.upper())

    again = await post(rest, conversation_id, "ai-response", text="Welcome!", message_id=message_id)

    assert first["message_id"] == message_id
    then_problem(again, 409, "message_exists")
