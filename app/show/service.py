"""What is asked of the service: the conversation, its events page by page, and the table of transitions."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
import msgspec

from app.client.addresses import NoService

TIMEOUT_S: Final = 10.0
PAGE_EVENTS: Final = 100

Json = dict[str, Any]


class CannotShow(Exception):
    """A sentence that says why not."""


class ShownService:
    """Of a service whose REST is at `url`. Every way raises `CannotShow`, or `NoService` when nothing answers there."""

    def __init__(self, url: str, conversation_id: str) -> None:
        self._url = url
        self._conversation_id = conversation_id
        self._path = f"/api/v2/conversations/{quote(conversation_id, safe='')}"
        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def conversation(self, moment: Mapping[str, str]) -> Json:
        """As it is, or as it was at the moment, a query."""
        return self._get(self._path, moment)

    def targets(self) -> dict[str, str]:
        """By the type of an event, the state that it leads to."""
        table = self._get("/api/v2/meta/state-machine", {})
        return {row["event"]: row["to"] for row in table["transitions"]}

    def events(self, until: int) -> Iterator[Json]:
        """Those up to the version, in order."""
        last = 0
        while last < until:
            limit = min(PAGE_EVENTS, until - last)
            page = self._get(f"{self._path}/events", {"after": str(last), "limit": str(limit)})["data"]
            if not page:
                raise CannotShow(f"The service at {self._url} has no event {last + 1} of the conversation any more.")
            yield from page
            last = page[-1]["version"]

    def _get(self, path: str, query: Mapping[str, str]) -> Json:
        try:
            answer = self._client.get(path, params=dict(query))
        except httpx.ConnectError as error:
            raise NoService(self._url) from error
        except httpx.HTTPError as error:
            raise CannotShow(f"The service at {self._url} does not answer: {type(error).__name__}.") from error
        fields = _fields(answer)
        if answer.is_success and fields is not None:
            return fields
        raise CannotShow(self._sentence_of(answer, fields or {}, is_time="at" in query))

    def _sentence_of(self, answer: httpx.Response, problem: Json, *, is_time: bool) -> str:
        match answer.status_code, problem.get("code"):
            case HTTPStatus.NOT_FOUND, "not_found":
                return f"There is no conversation {self._conversation_id} at {self._url}, or it is not yours."
            case HTTPStatus.NOT_FOUND, "version_not_found" if is_time:
                return f"{problem.get('detail')} It is at version {problem.get('version')} now."
            case HTTPStatus.NOT_FOUND, "version_not_found":
                return str(problem.get("detail"))
            case _, None:
                return f"What is at {self._url} answers with status {answer.status_code}, and not like Turnlog."
            case status, code:
                return f"The service at {self._url} answers {status} {code}: {problem.get('detail')}"


def _fields(answer: httpx.Response) -> Json | None:
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return None
