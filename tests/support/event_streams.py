"""The client of all tests of Server-Sent Events. What every frame of a socket must satisfy is checked here too.

async with streaming(rest.client, conversation_id) as stream:
    await stream.until_live()
    event = await stream.next()
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from app.client.chain import Chain
from app.client.frames import Frame
from tests.support.rest import path
from tests.support.socket_schemas import check_server_frame
from tests.support.sockets import Json

PATIENCE_S: Final = 5.0
ACCEPT: Final = {"Accept": "text/event-stream"}


class EndOfStream(Exception):
    """The response is complete."""


@dataclass(frozen=True)
class ServerSentEvent:
    """One event, as the browser's `EventSource` would read it."""

    text: str
    type: str | None
    id: str | None

    @property
    def frame(self) -> Json:
        """The envelope."""
        frame: Json = msgspec.json.decode(self.text)
        return frame


class EventStreamClient:
    """One stream. `last_event_id` is what `EventSource` would send when it comes back."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.retry_ms: int | None = None
        self.last_event_id: str | None = None
        self._lines = lines_of(response)
        self._chain: Chain | None = None

    async def next(self) -> ServerSentEvent:
        """The next event that has data.

        Raises:
            EndOfStream: there is none.
        """
        async with asyncio.timeout(PATIENCE_S):
            event = None
            while event is None:
                event = self._event(await self._block())
        self._check(event)
        return event

    async def until_live(self) -> list[ServerSentEvent]:
        """The whole handshake, from `ready` to `live`."""
        events = [await self.next()]
        while events[-1].frame["payload"].get("status") != "live":
            events.append(await self.next())
        return events

    async def collect(self, until_seq: int) -> list[ServerSentEvent]:
        """All events up to the last one of this version."""
        events: list[ServerSentEvent] = []
        while not events or (events[-1].id or "").partition(".")[0] != str(until_seq):
            events.append(await self.next())
        return events

    async def ended(self) -> list[ServerSentEvent]:
        """The events up to the end of the response."""
        events: list[ServerSentEvent] = []
        try:
            while True:
                events.append(await self.next())
        except EndOfStream:
            return events

    async def _block(self) -> list[str]:
        """The lines up to the next empty one."""
        lines: list[str] = []
        while True:
            try:
                line = await anext(self._lines)
            except StopAsyncIteration:
                assert lines == [], "the response ended in the middle of an event"
                raise EndOfStream from None
            if line == "":
                return lines
            lines.append(line)

    def _event(self, lines: list[str]) -> ServerSentEvent | None:
        fields = dict(line.split(": ", 1) for line in lines)
        assert len(fields) == len(lines)
        if "retry" in fields:
            self.retry_ms = int(fields["retry"])
        if "data" not in fields:
            return None
        return ServerSentEvent(text=fields["data"], type=fields.get("event"), id=fields.get("id"))

    def _check(self, event: ServerSentEvent) -> None:
        frame = event.frame
        check_server_frame(frame)
        assert event.type == frame["type"]
        is_whole = frame["seq"] is not None and (frame.get("part") or [1, 1])[0] == (frame.get("part") or [1, 1])[1]
        assert event.id == (f"{frame['seq']}.{frame['epoch']}" if is_whole else None)
        self.last_event_id = event.id or self.last_event_id
        if frame["payload"].get("status") == "ready":
            assert self._chain is None, "ready came twice"
            self._chain = Chain(frame["payload"]["resume"]["after"])
            assert self._chain.connect(frame["epoch"], frame["payload"]["resume"]["after"]) == []
        assert self._chain is not None
        assert self._chain.follow(msgspec.convert(frame, Frame)) == []


async def lines_of(response: httpx.Response) -> AsyncIterator[str]:
    """Lines as the standard of these events has them; httpx would see more of them."""
    rest = b""
    async for piece in response.aiter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            assert b"\r" not in line
            yield line.decode()
    assert rest == b"", "the response ended in the middle of a line"


@asynccontextmanager
async def streaming(
    client: httpx.AsyncClient, conversation_id: str, *, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[EventStreamClient]:
    """The stream of a conversation. Nothing has been read yet."""
    address = path(conversation_id, "/events")
    async with client.stream("GET", address, headers={**ACCEPT, **(headers or {})}, params=query) as response:
        assert response.status_code == 200, await response.aread()
        yield EventStreamClient(response)
