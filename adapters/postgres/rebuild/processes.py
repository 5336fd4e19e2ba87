"""Who copies the parts: this process, or several beside it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import anyio

from adapters.postgres.rebuild.parts import CopyTask, copy_part, first_of
from adapters.postgres.rebuild.worker import worker

PROGRESS_INTERVAL_S: Final = 0.25


async def copy_here(tasks: Sequence[CopyTask], copied_events: int, progress: Callable[[int], None]) -> None:
    """One part after the other, in this process. Raises as `copy_part` does."""
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
    """So many parts at a time, one of them in this process and each other in one beside it.

    Raises as `copy_part` does; what is raised by a process beside this one is a RebuildRefused or StoreUnavailable.
    """
    waiting = list(reversed(tasks))
    over = anyio.Event()
    try:
        async with anyio.create_task_group() as watching:
            watching.start_soon(_tell, copied_events, progress, over)
            async with anyio.create_task_group() as copying:
                # Begins at once, while the others come up.
                copying.start_soon(_work_off, waiting, _copy_here)
                for _ in range(jobs - 1):
                    copying.start_soon(_work_off_beside, waiting)
            over.set()
    except BaseExceptionGroup as failures:
        raise first_of(failures) from failures


async def _work_off(waiting: list[CopyTask], copy: Callable[[CopyTask], Awaitable[None]]) -> None:
    while waiting:
        await copy(waiting.pop())


async def _copy_here(task: CopyTask) -> None:
    await copy_part(task, lambda _events: None)


async def _work_off_beside(waiting: list[CopyTask]) -> None:
    async with worker() as copy:
        await _work_off(waiting, copy)


async def _tell(
    copied_events: Callable[[], Awaitable[int]], progress: Callable[[int], None], over: anyio.Event
) -> None:
    """Until it is over. Never cancelled in a question: that would cost the connection, and the right to rebuild."""
    while not over.is_set():
        with anyio.move_on_after(PROGRESS_INTERVAL_S):
            await over.wait()
        progress(await copied_events())
