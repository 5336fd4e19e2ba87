"""The REST side: start, end, read. Every request may be sent again, so a service that is away is waited for."""

from http import HTTPStatus
from typing import Any, Final, Self

import httpx
import msgspec
from uuid_utils import uuid7

from app.client.patience import Patience
from app.replay.options import Options
from app.replay.tally import Tally

COLLECTION: Final = "/api/v2/conversations"
PAGE_ROWS: Final = 100
TIMEOUT_S: Final = 10.0
STALE_HEADER: Final = "Turnlog-Stale"

_AGAIN: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class Refused(Exception):
    """The service answered with a problem that no repetition cures."""


class RestClient:
    """Shared by all players of a run."""

    def __init__(self, options: Options, tally: Tally) -> None:
        count = options.concurrency
        limits = httpx.Limits(max_connections=count, max_keepalive_connections=count)
        self._client = httpx.AsyncClient(base_url=options.url, limits=limits, timeout=TIMEOUT_S, trust_env=False)
        self._tally = tally
        self._patience_s = options.patience_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def is_there(self) -> bool:
        """Whether anything answers like the service, now."""
        try:
            answer = await self._client.get("/health/live")
        except httpx.HTTPError:
            return False
        return answer.is_success

    async def start(self, body: dict[str, Any]) -> dict[str, Any]:
        """Start a conversation, once however often it is asked for."""
        return await self._ask("POST", COLLECTION, body)

    async def end(self, conversation_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """End it, once."""
        return await self._ask("PUT", f"{COLLECTION}/{conversation_id}/end", body)

    async def conversation(self, conversation_id: str) -> dict[str, Any]:
        """The conversation as it is now."""
        return await self._ask("GET", f"{COLLECTION}/{conversation_id}")

    async def messages(self, conversation_id: str, min_position: int) -> list[dict[str, Any]]:
        """All messages, oldest first, as of the position or later."""
        path = f"{COLLECTION}/{conversation_id}/messages?limit={PAGE_ROWS}&min_position={min_position}"
        page = await self._ask("GET", path)
        messages: list[dict[str, Any]] = page["data"]
        while page["has_more"]:
            page = await self._ask("GET", f"{path}&after={page['last_id']}")
            messages += page["data"]
        return messages

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's body.

        Raises:
            Refused: a problem that stays one.
            ServiceAway: no answer for too long.
        """
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json", "Idempotency-Key": str(uuid7())}
        patience = Patience(self._patience_s)
        while True:
            try:
                answer = await self._client.request(method, path, content=content, headers=headers)
            except httpx.TransportError as error:
                await self._wait(patience, type(error).__name__)
                continue
            if answer.is_success and STALE_HEADER not in answer.headers:
                return _fields(answer)
            if answer.is_success:
                await self._wait(patience, "the read tables are behind")
            elif answer.status_code in _AGAIN:
                problem = _fields(answer)
                await self._wait(patience, str(problem.get("code")), problem.get("retry_after_ms"))
            else:
                problem = _fields(answer)
                raise Refused(f"{method} {path}: {answer.status_code} {problem.get('code')}: {problem.get('detail')}")

    async def _wait(self, patience: Patience, reason: str, at_least_ms: int | None = None) -> None:
        self._tally.retries += 1
        await patience.wait(reason, at_least_ms)


def _fields(answer: httpx.Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
