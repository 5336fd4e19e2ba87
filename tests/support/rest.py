"""The grammar of the REST tests: conversations that are given, requests, and what they are answered with."""

from typing import Any, Final
from uuid import UUID

import httpx
from uuid_utils import uuid7

Json = dict[str, Any]

CONVERSATIONS: Final = "/api/v2/conversations"
NOBODYS_ID: Final = "00000000-0000-7000-8000-00000000dead"


def new_id() -> str:
    """An id that nothing has."""
    return str(uuid7())


def key(value: str | None = None) -> dict[str, str]:
    """The header of an idempotency key."""
    return {"Idempotency-Key": value or new_id()}


class Rest:
    """A caller of the REST interface. What begins with `given_` must succeed."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def given_conversation(self, **fields: Any) -> str:
        """The id of a new conversation."""
        response = await self.client.post(CONVERSATIONS, json=fields)
        assert response.status_code == 201, response.text
        return str(response.json()["conversation"]["id"])

    async def given_message(self, conversation_id: str, **fields: Any) -> Json:
        """The answer to a posted message."""
        response = await self.post_message(conversation_id, **fields)
        assert response.status_code == 201, response.text
        return as_json(response)

    async def given_command(self, conversation_id: str, name: str, /, **payload: Any) -> Json:
        """The answer to a command."""
        response = await self.command(conversation_id, name, **payload)
        assert response.status_code == 200, response.text
        return as_json(response)

    async def given_speaking(self, **fields: Any) -> str:
        """A conversation in which the agent is giving an answer: version 3."""
        conversation_id = await self.given_conversation(**fields)
        await self.given_message(conversation_id, content="A table for two?")
        await self.given_command(conversation_id, "start_response")
        return conversation_id

    async def post_message(
        self, conversation_id: str, *, headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        """POST .../messages."""
        return await self.client.post(path(conversation_id, "/messages"), json=fields, headers=headers)

    async def command(
        self, conversation_id: str, name: str, /, *, headers: dict[str, str] | None = None, **payload: Any
    ) -> httpx.Response:
        """POST .../commands."""
        body = {"name": name, "payload": payload}
        return await self.client.post(path(conversation_id, "/commands"), json=body, headers=headers)

    async def get(self, url: str, **parameters: Any) -> Json:
        """The JSON of a successful GET."""
        # Parameters that are empty would take the query of the url away.
        response = await self.client.get(url, params=parameters or None)
        assert response.status_code == 200, response.text
        return as_json(response)

    async def conversation(self, conversation_id: str, **parameters: Any) -> Json:
        """GET .../{id}."""
        return await self.get(path(conversation_id), **parameters)

    async def event_types(self, conversation_id: str) -> list[str]:
        """The types of all its events, oldest first; at most 100."""
        listed = await self.get(path(conversation_id, "/events"), limit=100)
        assert not listed["has_more"]
        return [event["type"] for event in listed["data"]]


def path(conversation_id: str, rest: str = "") -> str:
    """The path of a conversation, or of something of it."""
    return f"{CONVERSATIONS}/{conversation_id}{rest}"


def as_json(response: httpx.Response) -> Json:
    """The object that the response is."""
    body = response.json()
    assert isinstance(body, dict)
    return body


def then_problem(response: httpx.Response, status: int, code: str, field: str | None = None) -> Json:
    """It was refused as RFC 9457 wants it, with this status, code and culprit. Gives the problem."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = as_json(response)
    assert (problem["status"], problem["code"], problem.get("field")) == (status, code, field), problem
    assert problem["type"] == f"urn:turnlog:problem:{code}"
    assert problem["title"]
    assert problem["instance"] == response.request.url.raw_path.decode().partition("?")[0][:512]
    return problem


def is_uuid7(text: str) -> bool:
    """Whether the text is a UUIDv7 in canonical form."""
    parsed = UUID(text)
    return str(parsed) == text and parsed.version == 7
