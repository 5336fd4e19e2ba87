"""Whatever is wrong with a request gets a 4xx that names the culprit, and leaves nothing in the store."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from app.http.requests import MAX_BODY_BYTES
from tests.support.bad_bodies import (
    COMMANDS,
    END,
    FEEDBACK,
    MALFORMED_BODIES,
    MESSAGES,
    METADATA,
    START,
    UNACCEPTABLE_BODIES,
)
from tests.support.rest import CONVERSATIONS, Rest, path, then_problem
from tests.support.server import RunningServer

JSON: Final = {"Content-Type": "application/json"}
MESSAGE_ID: Final = "00000000-0000-7000-8000-0000000000aa"

Routes = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
async def routes(rest: Rest) -> Routes:
    """Method and path of every route that takes a body, for a conversation that exists."""
    conversation_id = await rest.given_conversation()
    await rest.given_message(conversation_id, role="tool", content="{}", message_id=MESSAGE_ID)
    return {
        START: ("POST", CONVERSATIONS),
        MESSAGES: ("POST", path(conversation_id, "/messages")),
        COMMANDS: ("POST", path(conversation_id, "/commands")),
        END: ("PUT", path(conversation_id, "/end")),
        METADATA: ("PATCH", path(conversation_id)),
        FEEDBACK: ("POST", path(conversation_id, f"/messages/{MESSAGE_ID}/feedback")),
    }


async def _then_refused_and_nothing_stored(
    rest: Rest, server: RunningServer, sent: tuple[str, str, bytes], status: int, code: str, field: str | None
) -> None:
    method, url, body = sent
    head = await server.head_position()

    response = await rest.client.request(method, url, content=body, headers=JSON)

    then_problem(response, status, code, field)
    assert await server.head_position() == head


@pytest.mark.parametrize("name", MALFORMED_BODIES)
async def test_malformed_body(rest: Rest, server: RunningServer, routes: Routes, name: str) -> None:
    route, body = MALFORMED_BODIES[name]

    await _then_refused_and_nothing_stored(rest, server, (*routes[route], body), 400, "malformed_json", "body")


@pytest.mark.parametrize("name", UNACCEPTABLE_BODIES)
async def test_unacceptable_body(rest: Rest, server: RunningServer, routes: Routes, name: str) -> None:
    route, body, field = UNACCEPTABLE_BODIES[name]

    await _then_refused_and_nothing_stored(rest, server, (*routes[route], body), 400, "invalid_command", field)


async def test_more_than_a_body_may_have(rest: Rest, server: RunningServer, routes: Routes) -> None:
    body = b'{"content": "%s"}' % (b"x" * MAX_BODY_BYTES)

    await _then_refused_and_nothing_stored(rest, server, (*routes[MESSAGES], body), 413, "too_large", None)


BAD_QUERIES: dict[str, tuple[str, str, str]] = {
    "no number": (CONVERSATIONS, "limit=many", "limit"),
    "nothing": (CONVERSATIONS, "limit=", "limit"),
    "too few": (CONVERSATIONS, "limit=0", "limit"),
    "too many": (CONVERSATIONS, "limit=101", "limit"),
    "negative": (CONVERSATIONS, "limit=-1", "limit"),
    "absurd": (CONVERSATIONS, "limit=1" + "0" * 30, "limit"),
    "more than absurd": (CONVERSATIONS, "limit=1e400", "limit"),
    "endless digits": (CONVERSATIONS, "limit=" + "9" * 5_000, "limit"),
    "not a number": (CONVERSATIONS, "limit=nan", "limit"),
    "an unknown parameter": (CONVERSATIONS, "page=2", "page"),
    "a parameter twice": (CONVERSATIONS, "limit=1&limit=2", "limit"),
    "an unknown state": (CONVERSATIONS, "state=SLEEPING", "state"),
    "an unknown truth": (CONVERSATIONS, "is_active=perhaps", "is_active"),
    "an unknown order": (CONVERSATIONS, "order=random", "order"),
    "no time": (CONVERSATIONS, "started_from=yesterday", "started_from"),
    "a time without an offset": (CONVERSATIONS, "ended_until=2026-01-01T00:00:00", "ended_until"),
    "a time before all time": (CONVERSATIONS, "started_until=0001-01-01T00:00:00%2B14:00", "started_until"),
    "no cursor": (CONVERSATIONS, "after=x", "after"),
    "a cursor of nothing": (CONVERSATIONS, f"before={MESSAGE_ID}", "before"),
    "both cursors": (CONVERSATIONS, f"before={MESSAGE_ID}&after={MESSAGE_ID}", "before"),
    "NUL": (CONVERSATIONS, "user_id=a%00b", "user_id"),
    "NUL in a name": (CONVERSATIONS, "a%00b=1", "a\\x00b"),
    "no UTF-8": (CONVERSATIONS, "user_id=%FF", "user_id"),
    "half a surrogate pair": (CONVERSATIONS, "user_id=%ED%A0%80", "user_id"),
    "too long": (CONVERSATIONS, "user_id=" + "u" * 513, "user_id"),
    "metadata that is no map": (CONVERSATIONS, "metadata=gold", "metadata"),
    "metadata twice": (CONVERSATIONS, "metadata[a]=1&metadata[a]=2", "metadata[a]"),
    "too many of metadata": (CONVERSATIONS, "&".join(f"metadata[{n}]=1" for n in range(17)), "metadata"),
    "too many parameters": (CONVERSATIONS, "&".join(f"metadata[{n}]=1" for n in range(99)), "query"),
    "a key of what is no map": (CONVERSATIONS, "limit[a]=1", "limit"),
    "no version": ("{id}", "at_version=x", "at_version"),
    "version zero": ("{id}", "at_version=0", "at_version"),
    "an absurd version": ("{id}", "at_version=1" + "0" * 30, "at_version"),
    "no moment": ("{id}", "at=noon", "at"),
    "an unknown role": ("{id}/messages", "role=narrator", "role"),
    "a negative position": ("{id}/messages", "min_position=-1", "min_position"),
    "an absurd position": ("{id}/messages", "min_position=1" + "0" * 30, "min_position"),
    "a cursor that is no version": ("{id}/events", f"after={MESSAGE_ID}", "after"),
    "a negative cursor": ("{id}/events", "before=-3", "before"),
    "a parameter where none is": ("/api/v2/meta/state-machine", "x=1", "x"),
}


@pytest.mark.parametrize("name", BAD_QUERIES)
async def test_bad_query(rest: Rest, routes: Routes, name: str) -> None:
    template, query, field = BAD_QUERIES[name]
    url = template.replace("{id}", routes[METADATA][1])

    then_problem(await rest.client.get(f"{url}?{query}"), 400, "invalid_query", field)


async def test_a_write_with_a_query(rest: Rest, routes: Routes) -> None:
    for method, url in routes.values():
        then_problem(await rest.client.request(method, f"{url}?dry_run=1", json={}), 400, "invalid_query", "dry_run")


BAD_HEADERS: dict[str, tuple[str, bytes, int, str]] = {
    "an empty key": ("Idempotency-Key", b"", 400, "invalid_header"),
    "a long key": ("Idempotency-Key", b"k" * 256, 400, "invalid_header"),
    "a key that is no ASCII": ("Idempotency-Key", b"sch\xfctte", 400, "invalid_header"),
    "a key with a tab": ("Idempotency-Key", b"a\tb", 400, "invalid_header"),
    "a client id that is no ASCII": ("Turnlog-Client-Id", b"\xff", 400, "invalid_header"),
    "an empty client id": ("Turnlog-Client-Id", b"", 400, "invalid_header"),
    "a version that is no ASCII": ("If-Match", b"\xe9", 400, "invalid_header"),
    "a form": ("Content-Type", b"application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    "plain text": ("Content-Type", b"text/plain", 415, "unsupported_media_type"),
    "another charset": ("Content-Type", b"application/json; charset=utf-16", 415, "unsupported_media_type"),
    "no type": ("Content-Type", b"\xff;", 415, "unsupported_media_type"),
}


@pytest.mark.parametrize("name", BAD_HEADERS)
async def test_bad_header(rest: Rest, server: RunningServer, routes: Routes, name: str) -> None:
    header, value, status, code = BAD_HEADERS[name]
    method, url = routes[MESSAGES]
    head = await server.head_position()
    headers: dict[bytes, bytes] = {b"Content-Type": b"application/json", header.encode(): value}

    response = await rest.client.request(method, url, content=b'{"content": "x"}', headers=headers)

    then_problem(response, status, code, header)
    assert await server.head_position() == head


async def test_a_key_given_twice(rest: Rest, routes: Routes) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

    response = await rest.client.post(routes[MESSAGES][1], json={"content": "x"}, headers=headers)

    then_problem(response, 400, "invalid_header", "Idempotency-Key")


async def test_a_body_without_a_type(rest: Rest, routes: Routes) -> None:
    response = await rest.client.post(routes[MESSAGES][1], content=b'{"content": "x"}')

    then_problem(response, 415, "unsupported_media_type", "Content-Type")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=UTF-8", "application/vnd.chat+json", "APPLICATION/JSON"]
)
async def test_other_ways_to_say_json(rest: Rest, media_type: str) -> None:
    response = await rest.client.post(CONVERSATIONS, content=b"{}", headers={"Content-Type": media_type})

    assert response.status_code == 201


async def test_a_trace_that_cannot_be_read_is_ignored(rest: Rest) -> None:
    headers = {"traceparent": "00-nonsense"}

    assert (await rest.client.post(CONVERSATIONS, json={}, headers=headers)).status_code == 201


async def test_a_body_that_grows_too_large_in_chunks(rest: Rest, routes: Routes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"content": "'
        for _ in range(MAX_BODY_BYTES // 1_000 + 1):
            yield b"x" * 1_000

    response = await rest.client.post(routes[MESSAGES][1], content=chunks(), headers=JSON)

    then_problem(response, 413, "too_large")


NO_IDS: Final = ("1", "x" * 300, "%00", "%FF", "%ED%A0%80", "..%2F..", "null", "{}", "é", "0" * 36, "%20" + "0" * 35)


@pytest.mark.parametrize("no_id", NO_IDS)
async def test_an_id_in_the_path_that_is_none(rest: Rest, routes: Routes, no_id: str) -> None:
    of_conversations = await rest.client.get(path(no_id))
    of_messages = await rest.client.post(f"{routes[MESSAGES][1]}/{no_id}/feedback", json={"rating": 1})

    then_problem(of_conversations, 404, "not_found")
    if no_id != "..%2F..":  # which makes another path of it
        then_problem(of_messages, 404, "unknown_message")


async def test_paths_and_methods_that_are_none(rest: Rest, routes: Routes) -> None:
    for url in ("/", "/nope", "/api/v2", "/api/v2/conversations/x/y", "/docs/assets/nope.js", "/%00", "/%FF", "/é"):
        then_problem(await rest.client.get(url), 404, "not_found")
    for method, url in (("DELETE", CONVERSATIONS), ("PUT", CONVERSATIONS), ("POST", "/health"), ("PATCH", "/docs")):
        response = await rest.client.request(method, url)
        then_problem(response, 405, "method_not_allowed")
        assert "GET" in response.headers["allow"]
    response = await rest.client.request("GET", routes[COMMANDS][1])
    assert (then_problem(response, 405, "method_not_allowed"), response.headers["allow"])[1] == "OPTIONS, POST"


async def test_the_path_of_a_socket(rest: Rest) -> None:
    response = await rest.client.get(f"/api/ws/conversations/{MESSAGE_ID}")

    then_problem(response, 426, "upgrade_required")
    assert response.headers["upgrade"] == "websocket"


async def test_a_problem_says_nothing_of_the_body(rest: Rest, routes: Routes) -> None:
    secret: dict[str, Any] = {"content": "my card is 4111 1111", "role": "narrator my card is 4111 1111"}

    response = await rest.client.post(routes[MESSAGES][1], json=secret)

    assert "4111" not in response.text
