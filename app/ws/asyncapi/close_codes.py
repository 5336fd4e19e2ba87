"""The close codes with how long a client waits: as data, from which the docs and the clients' constants are made."""

from typing import Any, Final

from msgspec import Struct

from app.ws.protocol import CLOSE_CODES, CloseCode


class Backoff(Struct, frozen=True, kw_only=True):
    """On attempt n (from 0) a client waits what is announced, or `floor_ms`, and a random part of
    min(cap_ms, base_ms * 2**n)."""

    floor_ms: int = 0
    base_ms: int = 500
    cap_ms: int = 30_000
    announced_by: str | None = None


DEFAULT_BACKOFF: Final = Backoff()
_AT_ONCE: Final = Backoff(base_ms=100)

_OWN_BACKOFF: Final = {
    "service_restart": Backoff(announced_by="after_ms"),
    "overloaded": Backoff(floor_ms=5_000, announced_by="after_ms"),
    "position_lost": _AT_ONCE,
    "slow_consumer": _AT_ONCE,
    "rate_limited": Backoff(floor_ms=1_000, announced_by="retry_after_ms"),
}


def backoff_of(row: CloseCode) -> Backoff | None:
    """How long to wait after this code; null where a client does not come back."""
    return None if row.action == "stop" else _OWN_BACKOFF.get(row.name, DEFAULT_BACKOFF)


class DescribedCode(Struct, frozen=True):
    """One row, as clients vendor it."""

    code: int
    name: str
    action: str
    meaning: str
    backoff: Backoff | None


def described_codes() -> tuple[DescribedCode, ...]:
    """All rows, in the order of their codes."""
    return tuple(DescribedCode(row.code, row.name, row.action, row.meaning, backoff_of(row)) for row in CLOSE_CODES)


def close_code_table() -> dict[str, Any]:
    """The rows, and what holds for the codes that are in none."""
    return {
        "codes": described_codes(),
        "unknown": [{"from": 4_400, "to": 4_499, "action": "stop", "backoff": None}],
        "otherwise": {"action": "resume", "backoff": DEFAULT_BACKOFF},
    }
