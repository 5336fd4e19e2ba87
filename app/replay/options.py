"""How a run is to be."""

from typing import Final

import anyio
from msgspec import Struct

WORDS_PER_MINUTE: Final = 150
PAUSE_BETWEEN_TURNS_S: Final = 0.6


class Pace(Struct, frozen=True):
    """How fast people speak. A speed of 0 is that of nobody: without any wait."""

    speed: float

    async def say(self, word_count: int) -> None:
        """As long as the words take."""
        if self.speed:
            await anyio.sleep(word_count * 60 / WORDS_PER_MINUTE / self.speed)

    async def pause(self) -> None:
        """Before the other one speaks."""
        if self.speed:
            await anyio.sleep(PAUSE_BETWEEN_TURNS_S / self.speed)


class Options(Struct, frozen=True, kw_only=True):
    """Where to play, how fast, how many conversations at a time - each has one socket -, and how long a service that is
    away is waited for."""

    url: str
    pace: Pace
    concurrency: int
    patience_s: float
