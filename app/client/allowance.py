"""How much a client may send over one socket: a bucket of tokens that fills up again, one for each frame."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

import anyio

USED_SHARE: Final = 0.9
"""Of what the service announces. Frames may arrive closer together than they were sent."""


class Allowance:
    """Unlimited until `renew` tells the limits of a connection. `now` tells seconds, from anywhere on."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._per_s: float | None = None
        self._max_tokens = 0.0
        self._tokens = 0.0
        self._as_of_s = self._closed_until_s = now()

    def renew(self, limits: Mapping[str, Any]) -> None:
        """A connection begins, with a full bucket. Without both limits there is none."""
        per_s, burst = limits.get("messages_per_s"), limits.get("messages_burst")
        if not isinstance(per_s, int | float) or not isinstance(burst, int | float) or per_s <= 0:
            self._per_s = None
            return
        self._per_s = USED_SHARE * per_s
        self._tokens = self._max_tokens = max(1.0, USED_SHARE * burst)
        self._as_of_s = self._now()

    async def take(self) -> None:
        """Take a token, as soon as there is one."""
        while (wait_s := self._seconds_until(1.0)) > 0:  # noqa: ASYNC110 - time is all that is waited for
            await anyio.sleep(wait_s)
        self._tokens -= 1

    def take_spare(self) -> bool:
        """Take a token if more than half of the bucket is full: the rest is kept for what cannot be left out."""
        if self._seconds_until(1.0 + self._max_tokens / 2) > 0:
            return False
        self._tokens -= 1
        return True

    def close(self, for_ms: float) -> None:
        """The service has counted otherwise: there is nothing to be had for so long."""
        self._closed_until_s = max(self._closed_until_s, self._now() + for_ms / 1_000)

    def _seconds_until(self, tokens: float) -> float:
        now_s = self._now()
        closed_s = max(0.0, self._closed_until_s - now_s)
        if self._per_s is None:
            return closed_s
        self._tokens = min(self._max_tokens, self._tokens + (now_s - self._as_of_s) * self._per_s)
        self._as_of_s = now_s
        return max(closed_s, (min(tokens, self._max_tokens) - self._tokens) / self._per_s)
