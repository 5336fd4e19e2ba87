"""Readers that list conversations and messages over REST without end, and know what they must see.

What they look for has ended before: it can neither change nor vanish.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count, cycle
from time import perf_counter_ns
from typing import Any, Final

import httpx
import uvloop

from benchmarks.child import has_begun, tell, until_told_to_finish
from benchmarks.showing.samples import Samples

READERS: Final = 4
PAUSE_SECONDS: Final = 0.02
TIMEOUT_SECONDS: Final = 5.0
KNOWN_CONVERSATIONS: Final = 50
PAGE: Final = 20
TOLD_FAILURES: Final = 10
OPEN_FIELDS: Final = frozenset({"id", "state", "version", "started_at", "message_count"})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """An ended conversation, and its messages, as they were read first."""

    conversation: Json
    messages: list[Json]


class WrongAnswer(Exception):
    """A read that failed; the text says how."""


class Reader:
    """Reads, times each read and notes each failure."""

    def __init__(self, rest: httpx.AsyncClient, known: list[Known]) -> None:
        self.samples = Samples()
        self.failures: list[str] = []
        self.failed = 0
        self._rest = rest
        self._known = known
        self._numbers = count()

    async def read_until(self, finish: asyncio.Task[None]) -> None:
        reads: cycle[Callable[[Known], Awaitable[None]]] = cycle((self._newest, self._of_user, self._messages))
        while not finish.done():
            began_ns = perf_counter_ns()
            known = self._known[next(self._numbers) % len(self._known)]
            try:
                await next(reads)(known)
            except (WrongAnswer, httpx.HTTPError, ValueError, LookupError, TypeError) as error:
                self._failed(error)
            else:
                now_ns = perf_counter_ns()
                self.samples.add(now_ns, now_ns - began_ns)
            await asyncio.sleep(PAUSE_SECONDS)

    def _failed(self, error: Exception) -> None:
        self.failed += 1
        if len(self.failures) < TOLD_FAILURES:
            self.failures.append(f"{type(error).__name__}: {error}")

    async def _newest(self, _known: Known) -> None:
        page = await listed(self._rest, "/api/v2/conversations", limit=PAGE)
        if not page or not all(each.keys() >= OPEN_FIELDS for each in page):
            raise WrongAnswer(f"a list of {len(page)} conversations, or one without its fields")

    async def _of_user(self, known: Known) -> None:
        """By user: the conversation is there, and as it was."""
        conversation = known.conversation
        filters = {"user_id": conversation["user_id"], "state": "ENDED"}
        page = await listed(self._rest, "/api/v2/conversations", limit=PAGE, **filters)
        found = next((each for each in page if each["id"] == conversation["id"]), None)
        if found != conversation:
            raise WrongAnswer(f"conversation {conversation['id']} {'vanished' if found is None else 'is another'}")

    async def _messages(self, known: Known) -> None:
        conversation_id = known.conversation["id"]
        if await messages_of(self._rest, conversation_id) != known.messages:
            raise WrongAnswer(f"the messages of conversation {conversation_id} are others")


async def listed(rest: httpx.AsyncClient, path: str, **parameters: str | int) -> list[Json]:
    """The `data` of a page. Raises WrongAnswer, httpx.HTTPError."""
    response = await rest.get(path, params=parameters)
    if response.status_code != httpx.codes.OK:
        raise WrongAnswer(f"{path} was answered {response.status_code}")
    body = response.json()
    if not isinstance(body["data"], list) or not isinstance(body["has_more"], bool):
        raise WrongAnswer(f"{path} gave no page")
    data: list[Json] = body["data"]
    return data


async def messages_of(rest: httpx.AsyncClient, conversation_id: str) -> list[Json]:
    return await listed(rest, f"/api/v2/conversations/{conversation_id}/messages", limit=100)


async def _run(port: int) -> dict[str, Any]:
    base_url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=TIMEOUT_SECONDS) as rest:
        ended = await listed(rest, "/api/v2/conversations", limit=KNOWN_CONVERSATIONS, state="ENDED")
        known = [Known(each, await messages_of(rest, each["id"])) for each in ended]
        reader = Reader(rest, known)
        finish = asyncio.create_task(until_told_to_finish())
        has_begun()
        await asyncio.gather(*(reader.read_until(finish) for _ in range(READERS)))
    return {"samples": reader.samples.as_json(), "failed": reader.failed, "failures": reader.failures}


def main() -> None:
    """Until the input ends."""
    try:
        told = uvloop.run(_run(json.loads(sys.argv[1])["port"]))
    except (WrongAnswer, httpx.HTTPError) as error:
        sys.exit(str(error))
    tell(told)


if __name__ == "__main__":
    main()
