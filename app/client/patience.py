"""How long to wait for a service that is away, and when to stop."""

import random
from time import monotonic
from typing import Final

import anyio

FIRST_DELAY_S: Final = 0.1
MAX_DELAY_S: Final = 2.0


class ServiceAway(Exception):
    """The service did not come back in time."""


class Patience:
    """The waits between attempts: anything up to a bound that doubles each time, so that a crowd that lost the service
    at one moment does not come back at one moment."""

    def __init__(self, give_up_after_s: float) -> None:
        self._give_up_after_s = give_up_after_s
        self._max_delay_s = FIRST_DELAY_S
        self._since: float | None = None

    def succeeded(self) -> None:
        """The service is there: the next time begins afresh."""
        self._max_delay_s = FIRST_DELAY_S
        self._since = None

    async def wait(self, reason: str, at_least_ms: float | None = None) -> None:
        """Wait after a failed attempt; longer than the service asked for, if it asked.

        Raises:
            ServiceAway: all attempts have failed for too long; `reason` says how the last one did.
        """
        self._since = self._since or monotonic()
        if monotonic() - self._since > self._give_up_after_s:
            raise ServiceAway(f"no success for {self._give_up_after_s:.0f} s, the last time: {reason}")
        jitter_s = random.uniform(0, self._max_delay_s)  # noqa: S311 - spreads load, keeps no secret
        self._max_delay_s = min(2 * self._max_delay_s, MAX_DELAY_S)
        await anyio.sleep((at_least_ms or 0) / 1_000 + jitter_s)
