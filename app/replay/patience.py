"""How long to wait for a service that is away, and when to stop."""

import random
from time import monotonic
from typing import Final

import anyio

FIRST_DELAY_S: Final = 0.05
MAX_DELAY_S: Final = 2.0


class ServiceAway(Exception):
    """The service did not come back in time."""


class Patience:
    """The waits between attempts: twice as long each time, with jitter, so that a crowd does not come back at once."""

    def __init__(self, give_up_after_s: float) -> None:
        self._give_up_after_s = give_up_after_s
        self._delay_s = FIRST_DELAY_S
        self._since: float | None = None

    def succeeded(self) -> None:
        """The service is there: the next time begins afresh."""
        self._delay_s = FIRST_DELAY_S
        self._since = None

    async def wait(self, reason: str, at_least_ms: int | None = None) -> None:
        """Wait after a failed attempt, at least as long as the service asked for.

        Raises:
            ServiceAway: all attempts have failed for too long; `reason` says how the last one did.
        """
        self._since = self._since or monotonic()
        if monotonic() - self._since > self._give_up_after_s:
            raise ServiceAway(f"no success for {self._give_up_after_s:.0f} s, the last time: {reason}")
        delay_s = self._delay_s * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, keeps no secret
        self._delay_s = min(2 * self._delay_s, MAX_DELAY_S)
        await anyio.sleep(max(delay_s, (at_least_ms or 0) / 1_000))
