"""The copy: whole conversations are read, projected and written, each while the others are under way."""

from contextlib import aclosing
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from app.rebuild.progress import Throttle, Watcher
from domain.ids import ConversationId
from projections.rebuilding import Histories, RebuildSession, RebuildState
from projections.whole import WholeRows, whole_rows

PAGE_EVENTS: Final = 5_000
MAX_WAITING_PAGES: Final = 2
"""Pages that were read and wait to be projected, and pages that wait to be written; who reads faster waits."""

Copied = tuple[WholeRows, ConversationId, int]


async def copy_all(session: RebuildSession, state: RebuildState, watcher: Watcher, throttle: Throttle) -> None:
    """Copy what is not copied yet. Raises RebuildRefused and StoreUnavailable; what was copied stays."""
    read_in, read_out = anyio.create_memory_object_stream[Histories](MAX_WAITING_PAGES)
    rows_in, rows_out = anyio.create_memory_object_stream[Copied](MAX_WAITING_PAGES)
    try:
        # Closed here too: a task that is cancelled before its first step closes nothing.
        with read_in, read_out, rows_in, rows_out:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_read, session, state, read_in, throttle)
                tasks.start_soon(_project, read_out, rows_in)
                await _write(session, state, rows_out, watcher)
    except BaseExceptionGroup as failures:
        raise _first_of(failures) from failures


def _first_of(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a reader that has failed does to those who wait for it says nothing more."""
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


async def _read(
    session: RebuildSession, state: RebuildState, pages: MemoryObjectSendStream[Histories], throttle: Throttle
) -> None:
    with pages:
        async with aclosing(session.histories(state, PAGE_EVENTS)) as all_histories:
            async for histories in all_histories:
                await pages.send(histories)
                await throttle.take(len(histories.events))


async def _project(pages: MemoryObjectReceiveStream[Histories], rows: MemoryObjectSendStream[Copied]) -> None:
    with pages, rows:
        async for histories in pages:
            await rows.send((whole_rows(histories.events), histories.last_id, len(histories.events)))


async def _write(
    session: RebuildSession, state: RebuildState, rows: MemoryObjectReceiveStream[Copied], watcher: Watcher
) -> None:
    done = state.copied_events
    watcher.step("copy", done, state.total_events)
    with rows:
        async for whole, last_id, events in rows:
            await session.copy(whole, last_id, events)
            done += events
            watcher.step("copy", done, state.total_events)
