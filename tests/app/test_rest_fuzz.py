"""Whatever is sent, it is never the service that fails."""

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.command_payloads import read_command
from app.use_cases.original_payloads import OriginalAnswer, OriginalState, OriginalTranscript
from domain.conversation.commands import COMMAND_TYPES, name_of
from domain.conversation.conversation import Status
from tests.support.rest import CONVERSATIONS, Rest, path

JSON: Final = {"Content-Type": "application/json"}
MESSAGE_ID: Final = "00000000-0000-7000-8000-0000000000aa"
ORIGINAL_PAYLOADS: Final = (OriginalState, OriginalTranscript, OriginalAnswer)
WORDS: Final = tuple(
    dict.fromkeys(
        [field for command in COMMAND_TYPES for field in command.__struct_fields__]
        + [field for payload in ORIGINAL_PAYLOADS for field in payload.__struct_fields__]
        + ["id", "expected_version", "payload", "record_only", "type", "on_busy", "input_tokens"]
    )
)
NAMES: Final = tuple(name_of(command) for command in COMMAND_TYPES)

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text
    | st.sampled_from([*NAMES, *Status, MESSAGE_ID, "user", "assistant", "2026-01-01T00:00:00Z", "a\0b", "x" * 40_000])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | any_text, inner),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(WORDS), values, max_size=6)
commands = st.fixed_dictionaries({"name": st.sampled_from(NAMES), "payload": objects})


def _encoded(value: Any) -> bytes:
    """JSON, also of what strict writers refuse: half surrogates and NUL go out as escapes."""
    return json.dumps(value).encode()


bodies = st.binary(max_size=200) | values.map(_encoded) | objects.map(_encoded) | commands.map(_encoded)


@pytest.fixture(scope="module")
async def urls(rest: Rest) -> list[tuple[str, str]]:
    """Every route with a body, in a conversation that is in the middle of an answer."""
    conversation_id = await rest.given_speaking(policies={"on_busy": "enqueue"})
    await rest.given_message(conversation_id, role="tool", content="{}", message_id=MESSAGE_ID)
    return [
        ("POST", CONVERSATIONS),
        ("POST", path(conversation_id, "/messages")),
        ("POST", path(conversation_id, "/commands")),
        ("POST", path(conversation_id, f"/messages/{MESSAGE_ID}/feedback")),
        ("PATCH", path(conversation_id)),
        *(("POST", f"/api/conversations/{conversation_id}/{name}") for name in ("state", "transcript", "ai-response")),
    ]


@given(body=bodies)
async def test_no_body_makes_the_service_fail(rest: Rest, urls: list[tuple[str, str]], body: bytes) -> None:
    for method, url in urls:
        response = await rest.client.request(method, url, content=body, headers=JSON)

        assert response.status_code < 500, response.text
        if response.is_error:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code


@given(
    query=st.binary(max_size=60)
    | st.lists(st.sampled_from([b"limit=", b"after=", b"a", b"%", b"[", b"1", b"&", b"\xff"])).map(b"".join)
)
async def test_no_query_makes_the_service_fail(rest: Rest, urls: list[tuple[str, str]], query: bytes) -> None:
    safe = bytes(byte for byte in query if 0x20 < byte < 0x7F and byte != ord("#"))
    for url in (CONVERSATIONS, urls[1][1]):
        response = await rest.client.get(f"{url}?{safe.decode()}")

        assert response.status_code in (200, 400), response.text


@given(command=commands)
async def test_what_was_stored_can_be_read(rest: Rest, urls: list[tuple[str, str]], command: dict[str, Any]) -> None:
    url = urls[2][1]
    response = await rest.client.post(url, content=_encoded(command), headers=JSON)

    if response.is_success:
        payload = msgspec.json.encode(command["payload"])
        assert name_of(type(read_command(command["name"], payload))) == command["name"]
    events = await rest.client.get(url.replace("/commands", "/events"), params={"order": "desc", "limit": 1})
    assert events.status_code == 200
