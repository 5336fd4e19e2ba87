"""Waiting for what nobody announces."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], patience_s: float = 5.0) -> None:
    """Ask again and again, at most so long."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.01)
