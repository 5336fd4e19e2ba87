"""Who may open a connection: decided before the accept, without the database."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import anyio
from litestar.connection import ASGIConnection
from msgspec import Struct

from app.ws.connection import SocketClosed
from app.ws.live import LiveConnections
from app.ws.protocol import COME_BACK_AFTER_MS
from domain.errors import TurnlogError
from domain.ids import TenantId

ANY_ORIGIN: Final = "*"
UNKNOWN_ADDRESS: Final = ""

AnyConnection = ASGIConnection[Any, Any, Any, Any]


class ForeignOrigin(TurnlogError):
    """The page that opens the socket is not one of those that may."""

    code: ClassVar[str] = "foreign_origin"

    def __init__(self) -> None:
        super().__init__(
            "Pages of this origin may not connect; the setting TURNLOG_ALLOWED_ORIGINS names those that may."
        )
        self.field = "Origin"


class TooManyConnections(TurnlogError):
    """The address has as many connections as one may have."""

    code: ClassVar[str] = "too_many_connections"

    def __init__(self) -> None:
        super().__init__("This address has as many connections as one may have.")
        self.retry_after_ms = COME_BACK_AFTER_MS


class ServiceRestarting(TurnlogError):
    """The service stops."""

    code: ClassVar[str] = "service_restart"

    def __init__(self) -> None:
        super().__init__("The service restarts.")
        self.retry_after_ms = COME_BACK_AFTER_MS


class AdmissionLimits(Struct, frozen=True, kw_only=True):
    """See the settings of the same names."""

    allowed_origins: tuple[str, ...]
    is_loopback_only: bool
    max_per_address: int
    max_per_tenant: int
    handshakes_max_count: int
    handshake_timeout_s: float


class Admission:
    """Of all connections of this process: sockets, feeds and streams of events."""

    def __init__(self, limits: AdmissionLimits, live: LiveConnections) -> None:
        self._limits = limits
        self._live = live
        self._of_address: Counter[str] = Counter()
        self._handshakes = anyio.Semaphore(limits.handshakes_max_count)
        self.is_draining = False

    def admitted(self, connection: AnyConnection) -> "Admitted":
        """The connection counts while the block runs.

        Raises:
            ForeignOrigin, TooManyConnections, ServiceRestarting: it may not be opened.
        """
        self._check_origin(connection)
        if self.is_draining:
            raise ServiceRestarting
        address = connection.client.host if connection.client else UNKNOWN_ADDRESS
        if self._of_address[address] >= self._limits.max_per_address:
            raise TooManyConnections
        return Admitted(self._of_address, address)

    def check_tenant(self, tenant_id: TenantId) -> None:
        """Whether the tenant may have one more.

        Raises:
            SocketClosed: it may not.
        """
        if self._live.count_of(tenant_id) >= self._limits.max_per_tenant:
            raise SocketClosed("overloaded", after_ms=COME_BACK_AFTER_MS)

    @asynccontextmanager
    async def handshake(self) -> AsyncIterator[None]:
        """Read the database for a connection that begins, when it is its turn and as long as it may take.

        Raises:
            SocketClosed: it took too long.
        """
        with anyio.move_on_after(self._limits.handshake_timeout_s) as scope:
            async with self._handshakes:
                yield
        if scope.cancelled_caught:
            raise SocketClosed("handshake_timeout")

    def _check_origin(self, connection: AnyConnection) -> None:
        """No Origin: it is no page of a browser."""
        origin = _header(connection, b"origin")
        if origin is None or ANY_ORIGIN in self._limits.allowed_origins or origin in self._limits.allowed_origins:
            return
        host = _host_of(origin)
        if self._limits.is_loopback_only:
            # The Host header proves nothing here: a foreign name may have been made to point to this machine.
            is_own = is_loopback(host)
        else:
            is_own = host is not None and host == _host_of("//" + (_header(connection, b"host") or ""))
        if not is_own:
            raise ForeignOrigin


class Admitted:
    """Counts a connection of an address while its block runs. Lasts as long as the connection, hence small."""

    __slots__ = ("_address", "_of_address")

    def __init__(self, of_address: Counter[str], address: str) -> None:
        self._of_address = of_address
        self._address = address

    def __enter__(self) -> None:
        self._of_address[self._address] += 1

    def __exit__(self, *_: object) -> None:
        self._of_address[self._address] -= 1
        if not self._of_address[self._address]:
            del self._of_address[self._address]


def _header(connection: AnyConnection, name: bytes) -> str | None:
    """Without Litestar's dictionary of all headers, which a socket would keep to its end."""
    return next((value.decode("latin-1") for key, value in connection.scope["headers"] if key.lower() == name), None)


def is_loopback(host: str | None) -> bool:
    """Whether the name or address is that of this machine for itself."""
    if host == "localhost":
        return True
    try:
        return host is not None and ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
