"""The one task group: every background task of the service belongs to it, and a task that crashes ends the service."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio

BackgroundTask = Callable[[], Coroutine[Any, Any, object]]


@asynccontextmanager
async def running(tasks: Sequence[BackgroundTask], drain: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run the tasks while the block runs. At its end, `drain` is awaited while they still run; then they stop.

    Raises:
        ExceptionGroup: a task crashed; the block was cancelled.
    """
    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(task)
        yield
        await drain()
        group.cancel_scope.cancel()
