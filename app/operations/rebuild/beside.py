"""Two things at once, one of which is the block itself."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import anyio


@asynccontextmanager
async def beside(work: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Do the work while the block runs, and wait for both. What fails first is raised by itself, not in a group."""
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            yield
    except BaseExceptionGroup as failures:
        failure: BaseException = failures
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from failures
