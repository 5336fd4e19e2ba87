"""The seam to uvicorn: a connection whose client takes nothing any more can be cut, and one that sends nothing is."""

from asyncio import TimerHandle, Transport
from collections.abc import Mapping
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

EXTENSION: Final = "turnlog.connection"
CUT_AFTER_S: Final = 5.0
REQUEST_MAX_S: Final = 20.0
"""How long a request may take to arrive, from the opening of the connection or its first byte; then the connection is
cut. uvicorn would wait for ever."""
HEAD_MAX_BYTES: Final = 64 * 1024
"""Of the request line and the headers; more is answered 400."""


def cut_later(scope: Mapping[str, Any]) -> None:
    """Drop the connection after a while, with whatever it still has to send. Whoever sends in vain then goes on."""
    cast("HttpTransport", scope["extensions"][EXTENSION]).cut_later()


class HttpTransport(HttpToolsProtocol):
    """uvicorn's protocol, which puts itself into the scope of each request."""

    _deadline: TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn's
        """asyncio's hook: a request has to come."""
        super().connection_made(transport)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """asyncio's hook."""
        if self._is_idle():
            self._head_bytes += len(data)
            self._expect_request()
        super().data_received(data)
        if self._head_bytes > HEAD_MAX_BYTES and self._is_idle() and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_headers_complete(self) -> None:
        """httptools' hook."""
        self._head_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """httptools' hook: the request is there, with its body."""
        self._stop_waiting()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """uvicorn's hook: the connection is somebody else's."""
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's hook."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """httptools' hook: the scope is made, and the application has not run yet."""
        super().on_message_begin()
        self._expect_request()
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: self}

    def cut_later(self) -> None:
        """Closed in the usual way, the connection would wait for ever for a client that takes nothing."""
        self.loop.call_later(CUT_AFTER_S, self.transport.abort)

    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_MAX_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
