"""How many frames a client may send: a bucket of tokens, refilled at the rate, never above the burst."""

from math import ceil
from time import monotonic
from typing import ClassVar

from msgspec import Struct

from domain.errors import TurnlogError

_MILLISECONDS_PER_SECOND = 1_000


class RateLimit(Struct, frozen=True):
    """The rate in the long run, and how many at once."""

    frames_per_s: float
    burst_frames: int


class RateLimited(TurnlogError):
    """The frame was not looked at: the client sends too many."""

    code: ClassVar[str] = "rate_limited"

    def __init__(self, limit: RateLimit, retry_after_ms: int) -> None:
        super().__init__(
            f"Send at most {limit.frames_per_s:g} frames a second, {limit.burst_frames} at once; this one was not read."
        )
        self.retry_after_ms = retry_after_ms


class TokenBucket:
    """Of one connection."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._tokens = float(limit.burst_frames)
        self._filled_at_s = monotonic()
        self._refused_in_a_row = 0

    @property
    def is_flooded(self) -> bool:
        """Whether as many were refused in a row as may come at once."""
        return self._refused_in_a_row >= self._limit.burst_frames

    def take(self) -> None:
        """Take a token for one frame.

        Raises:
            RateLimited: there is none.
        """
        self._refill()
        if self._tokens < 1:
            self._refused_in_a_row += 1
            missing = 1 - self._tokens
            raise RateLimited(self._limit, ceil(missing / self._limit.frames_per_s * _MILLISECONDS_PER_SECOND))
        self._tokens -= 1
        self._refused_in_a_row = 0

    def _refill(self) -> None:
        now_s = monotonic()
        gained = (now_s - self._filled_at_s) * self._limit.frames_per_s
        self._tokens = min(self._limit.burst_frames, self._tokens + gained)
        self._filled_at_s = now_s
