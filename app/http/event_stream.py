"""The request for a stream of events, and its response.

Litestar has a response for this too, but what a client does not read grows in it without end. Here what waits is
bounded as for a socket (`app.ws.event_stream`), and who takes nothing is cut off.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send
from msgspec import Meta, Struct

from app.http.problems import InvalidHeader
from app.http.requests import HttpRequest, read_query
from app.http.transport import cut_later
from app.principal import Principal
from app.queries import MAX_VERSION
from app.ws.event_stream import EventStreams
from app.ws.resume import Cursor
from domain.ids import ConversationId

MEDIA_TYPE: Final = "text/event-stream"
LAST_EVENT_ID: Final = "Last-Event-ID"

_EVENT_ID: Final = re.compile(r"(?P<seq>[0-9]{1,19})(?:\.(?P<epoch>.+))?")
_UNWANTED: Final = re.compile(r";\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)")


class EventStreamParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a stream of events goes on. The header `Last-Event-ID` says the same, and is listened to first."""

    after: Annotated[int, Meta(ge=0, le=MAX_VERSION)] | None = None
    epoch: (
        Annotated[str, Meta(max_length=255, description="Of a stream of events alone: the `epoch` that `after` is of.")]
        | None
    ) = None


def wants_event_stream(request: HttpRequest) -> bool:
    """Whether the client takes a stream of events; whoever does gets one."""
    for accepted in ",".join(request.headers.getall("Accept", [])).lower().split(","):
        if accepted.partition(";")[0].strip() == MEDIA_TYPE and _UNWANTED.search(accepted) is None:
            return True
    return False


def cursor_of(request: HttpRequest) -> Cursor:
    """Where the client says it is.

    Raises:
        InvalidQuery, InvalidHeader: nobody can be there.
    """
    parameters = read_query(request, EventStreamParameters)
    last_event_id = request.headers.get(LAST_EVENT_ID)
    if not last_event_id:
        return Cursor(parameters.after, parameters.epoch)
    found = _EVENT_ID.fullmatch(last_event_id)
    if found is None or int(found["seq"]) > MAX_VERSION:
        raise InvalidHeader(LAST_EVENT_ID, "must be the `id` of an event, such as `17.EPOCH`, or a `seq`.")
    return Cursor(int(found["seq"]), found["epoch"])


class EventStreamResponse(Response[bytes]):
    """What a handler returns. Refusals are raised before anything is sent, and answered as problems."""

    def __init__(
        self, streams: EventStreams, request: HttpRequest, principal: Principal, conversation_id: ConversationId
    ) -> None:
        super().__init__(b"", media_type=MEDIA_TYPE)
        self._arguments = (streams, request, principal, conversation_id, cursor_of(request))

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """Litestar's hook. What it would add to a response is nothing that this one has."""
        return _Asgi(*self._arguments)


class _Asgi(ASGIResponse):
    def __init__(
        self,
        streams: EventStreams,
        request: HttpRequest,
        principal: Principal,
        conversation_id: ConversationId,
        cursor: Cursor,
    ) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self._streams = streams
        self._request = request
        self._whose = (principal, conversation_id, cursor)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._streams.serve(self._request, _Wire(scope, receive, send, _headers(self._request)), *self._whose)


class _Wire:
    """The response, as ASGI has it."""

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send, headers: dict[str, str]) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = headers

    async def start(self) -> None:
        """Send its head."""
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self._headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(self, data: bytes, *, is_last: bool = False) -> None:
        """Send the data as soon as the network takes it; nothing when the client has gone."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not is_last})

    def cut_later(self) -> None:
        """Drop the connection after a while, if it is still there."""
        cut_later(self._scope)

    async def gone(self) -> None:
        """Return when the client has gone away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _headers(request: HttpRequest) -> dict[str, str]:
    """A page of another origin that was admitted may read the stream."""
    headers = {
        "content-type": MEDIA_TYPE,
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "connection": "close",
        "vary": "Accept, Origin",
    }
    origin = request.headers.get("Origin")
    return headers if origin is None else {**headers, "access-control-allow-origin": origin}
