"""Why a connection was lost, and what a client does about it."""

from typing import Any, Final

from msgspec import Struct
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.client.frames import Frame
from app.ws.protocol import CLOSE_CODES

PRIVATE_CODES: Final = range(4_400, 4_500)
MAX_WAIT_MS: Final = 300_000
"""However long a service asks a client to stay away."""

_BROKEN_OFF: Final = 1006
_ROWS: Final = {row.code: row for row in CLOSE_CODES}
_MIN_WAIT_MS: Final = {1013: 5_000}
_RATE_LIMITED: Final = 4429
_TEMPORARY_STATUSES: Final = {408, 425, 429, *range(500, 600)}


class Loss(Struct, frozen=True, kw_only=True):
    """`may_return`: whether to come back, and then after how long at least. `code` is the close code, if there was a
    connection; `status` that of an upgrade which the server refused over HTTP; neither: nobody answers."""

    reason: str
    may_return: bool
    after_ms: float = 0
    code: int | None = None
    status: int | None = None

    @property
    def is_nobody_there(self) -> bool:
        """Whether the address does not answer at all."""
        return self.code is None and self.status is None


class Stopped(Exception):
    """The service told the client not to come back."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(f"the service does not want this connection: {loss.reason}")
        self.loss = loss


class LastWords:
    """What the service has said about the end of a connection before it came."""

    def __init__(self) -> None:
        self._after_ms: float = 0
        self._limited_ms: float = 0
        self._action: str | None = None
        self._message: str | None = None

    def hear(self, frame: Frame) -> None:
        """Remember what the frame says about the end, if anything."""
        payload = frame.payload
        match frame.type, payload.get("status"):
            case "connection_status", "draining":
                self._after_ms = milliseconds_in(payload, "after_ms")
            case "connection_status", "closing":
                self._after_ms = milliseconds_in(payload, "after_ms") or self._after_ms
                self._action = payload.get("action")
            case "error", _ if frame.seq is None:
                self._limited_ms = milliseconds_in(payload, "retry_after_ms")
                self._message = payload.get("message") if payload.get("fatal") else None

    def loss_of(self, closed: ConnectionClosed) -> Loss:
        """What the close means. An unknown code is taken as the protocol has it: 44xx is `stop`, the rest `resume`."""
        code = closed.rcvd.code if closed.rcvd else _BROKEN_OFF
        row = _ROWS.get(code)
        action = self._action or (row.action if row else "stop" if code in PRIVATE_CODES else "resume")
        reason = f"close code {code}" + (f" {row.name}" if row else "")
        after_ms = max(self._after_ms, _MIN_WAIT_MS.get(code, 0), self._limited_ms if code == _RATE_LIMITED else 0)
        return Loss(
            reason=f"{reason}: {self._message}" if self._message else reason,
            may_return=action not in ("stop", "refresh_token"),  # these clients have no token to refresh
            after_ms=after_ms,
            code=code,
        )


def loss_of_refusal(refusal: InvalidStatus) -> Loss:
    """The upgrade was answered over HTTP: what says `later` is tried again later."""
    response = refusal.response
    wait_s = response.headers.get("Retry-After", "")
    return Loss(
        reason=f"the upgrade was answered with HTTP status {response.status_code}",
        may_return=response.status_code in _TEMPORARY_STATUSES,
        after_ms=_bounded(int(wait_s) * 1_000) if wait_s.isascii() and wait_s.isdecimal() else 0,
        status=response.status_code,
    )


def milliseconds_in(payload: dict[str, Any], name: str) -> float:
    """The wait that the field asks for; 0 where it asks for none."""
    value = payload.get(name)
    return _bounded(value) if isinstance(value, int | float) else 0


def _bounded(wait_ms: float) -> float:
    return min(max(wait_ms, 0), MAX_WAIT_MS)
