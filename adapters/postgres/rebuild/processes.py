"""Who copies the parts: this process, or several beside it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import anyio
from anyio import to_process

from adapters.postgres.rebuild.parts import CopyTask, copy_part, copy_part_in_a_process, first_of
from domain.errors import StoreUnavailable
from projections.rebuilding import RebuildRefused

PROGRESS_INTERVAL_S: Final = 0.25


async def copy_here(tasks: Sequence[CopyTask], copied_events: int, progress: Callable[[int], None]) -> None:
    """One part after the other. Raises as `copy_part` does."""
    done = copied_events

    def on_page(events: int) -> None:
        nonlocal done
        done += events
        progress(done)

    for task in tasks:
        await copy_part(task, on_page)


async def copy_in_processes(
    tasks: Sequence[CopyTask], jobs: int, copied_events: Callable[[], Awaitable[int]], progress: Callable[[int], None]
) -> None:
    """So many parts at a time, each in a process. Raises RebuildRefused and StoreUnavailable."""
    limiter = anyio.CapacityLimiter(jobs)
    try:
        async with anyio.create_task_group() as watching:
            watching.start_soon(_tell, copied_events, progress)
            async with anyio.create_task_group() as copying:
                for task in tasks:
                    copying.start_soon(_copy, task, limiter)
            watching.cancel_scope.cancel()
    except BaseExceptionGroup as failures:
        raise first_of(failures) from failures
    progress(await copied_events())


async def _copy(task: CopyTask, limiter: anyio.CapacityLimiter) -> None:
    try:
        refusal = await to_process.run_sync(copy_part_in_a_process, task, cancellable=True, limiter=limiter)
    except (ConnectionError, anyio.BrokenWorkerProcess) as error:
        raise StoreUnavailable from error
    if refusal is not None:
        raise RebuildRefused(f"{refusal} The live tables are as they were; run the same command to go on.")


async def _tell(copied_events: Callable[[], Awaitable[int]], progress: Callable[[int], None]) -> None:
    while True:
        await anyio.sleep(PROGRESS_INTERVAL_S)
        progress(await copied_events())
