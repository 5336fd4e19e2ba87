"""The seam to uvicorn: a connection whose client takes nothing any more can be cut."""

from collections.abc import Mapping
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION: Final = "turnlog.connection"
CUT_AFTER_S: Final = 5.0


def cut_later(scope: Mapping[str, Any]) -> None:
    """Drop the connection after a while, with whatever it still has to send. Whoever sends in vain then goes on."""
    cast("HttpTransport", scope["extensions"][EXTENSION]).cut_later()


class HttpTransport(HttpToolsProtocol):
    """uvicorn's protocol, which puts itself into the scope of each request."""

    def on_message_begin(self) -> None:
        """httptools' hook: the scope is made, and the application has not run yet."""
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: self}

    def cut_later(self) -> None:
        """Closed in the usual way, the connection would wait for ever for a client that takes nothing."""
        self.loop.call_later(CUT_AFTER_S, self.transport.abort)
