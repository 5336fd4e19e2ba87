"""A rebuild from its beginning, or from wherever it was interrupted, to the swap."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import anyio
from msgspec import Struct

from app.operations.rebuild.beside import beside
from app.operations.rebuild.catching_up import PAGE_EVENTS, CatchUp
from app.operations.rebuild.progress import Watcher
from domain.errors import StoreUnavailable
from projections.ports import RowsRejected, TablesRefused
from projections.rebuilding import Pace, RebuildRefused, RebuildSession, RebuildState, TableComparison
from projections.registry import ProjectionName
from projections.whole import NotProjectable

SWAP_ATTEMPTS: Final = 30
SWAP_PAUSE_S: Final = 1.0
"""How long readers have the tables to themselves after an attempt to swap that came to nothing."""


class Wish(Struct, frozen=True, kw_only=True):
    """What is asked for. `only_if_equal`: a difference to the live tables stops the rebuild before the swap."""

    projections: tuple[ProjectionName, ...]
    is_rollback: bool = False
    only_if_equal: bool = False


class Outcome(Struct, frozen=True):
    """The tables that are live now, and how they compare with those that were."""

    state: RebuildState
    comparisons: Sequence[TableComparison]


async def rebuild(session: RebuildSession, wish: Wish, watcher: Watcher, pace: Pace) -> Outcome:
    """Go on where the last attempt has come to, or begin.

    Raises:
        RebuildRefused: it must not go on; the live tables are as they were.
        StoreUnavailable: the database went away; what was done is kept.
    """
    try:
        return await _rebuild(session, wish, watcher, pace)
    except (NotProjectable, RowsRejected, TablesRefused) as error:
        raise RebuildRefused(
            f"{error} The live tables are as they were. Mend it, then run the same command to go on."
        ) from error


async def _rebuild(session: RebuildSession, wish: Wish, watcher: Watcher, pace: Pace) -> Outcome:
    state = await _state(session, wish, watcher)
    if state.phase == "copy":
        await session.copy(state, pace, lambda done: watcher.step("copy", done, state.total_events))
    if state.phase != "catch_up":
        await session.index(lambda name, begun, total: watcher.step(f"index {name}", begun, total))
        await session.start_catching_up()
    catch_up = CatchUp(session, state, pace)
    await _approach(session, catch_up, watcher)
    comparisons, position = await _compare(session, state, catch_up, watcher)
    different = [comparison for comparison in comparisons if comparison.different_rows]
    if different and wish.only_if_equal:
        raise RebuildRefused(
            f"The new tables differ from the live ones, first in conversation {different[0].first_difference}, so they "
            "were not swapped. Run the command without --only-if-equal to swap, or with --abandon to drop them."
        )
    await _swap(session, catch_up, watcher, equal_at=position if wish.only_if_equal else None)
    return Outcome(state, comparisons)


async def _state(session: RebuildSession, wish: Wish, watcher: Watcher) -> RebuildState:
    state = await session.state()
    if state is None:
        return await (session.begin_rollback() if wish.is_rollback else session.begin(wish.projections))
    if state.is_rollback != wish.is_rollback or (not wish.is_rollback and state.projections != wish.projections):
        raise RebuildRefused(
            f"A {'rollback' if state.is_rollback else 'rebuild'} of {' and '.join(state.projections)} is under way "
            f"since {state.started_at:%Y-%m-%d %H:%M:%S %Z}. Run that again to go on, or drop it with --abandon."
        )
    watcher.going_on(state)
    return state


async def _approach(session: RebuildSession, catch_up: CatchUp, watcher: Watcher) -> None:
    """Until what is left fits a page, which the live tables can be held for."""
    done, events = 0, PAGE_EVENTS
    while events == PAGE_EVENTS:
        watcher.step("catch up", done, None)
        events = await catch_up.step(await session.live_position())
        done += events


async def _compare(
    session: RebuildSession, state: RebuildState, catch_up: CatchUp, watcher: Watcher
) -> tuple[list[TableComparison], int]:
    """At one moment at which both stand at the same position, which is returned too. Statistics are taken meanwhile."""
    async with AsyncExitStack() as kept:
        async with session.hold_live() as live:
            await catch_up.run(live.position)
            moment = await kept.enter_async_context(live.moment())
        watcher.step("compare", 0, len(state.projections))
        comparisons: list[TableComparison] = []
        async with beside(session.take_statistics):
            for done, projection in enumerate(state.projections, start=1):
                comparisons.append(await moment.compare(projection))
                watcher.compared(comparisons[-1])
                watcher.step("compare", done, len(state.projections))
    return comparisons, live.position


async def _swap(session: RebuildSession, catch_up: CatchUp, watcher: Watcher, *, equal_at: int | None) -> None:
    """With `equal_at`, only if what was stored after that position has made equal rows too."""
    for attempt in range(1, SWAP_ATTEMPTS + 1):
        await _approach(session, catch_up, watcher)
        watcher.step("swap", 0, None)
        try:
            async with session.hold_live() as live:
                await catch_up.run(live.position)
                if equal_at is not None and (different := await live.different_since(equal_at)) is not None:
                    raise RebuildRefused(
                        f"The rows of conversation {different} became different between the live tables and the new "
                        "ones while the rebuild was running, so they were not swapped. Run the command again."
                    )
                await live.swap()
                return
        except StoreUnavailable:
            if attempt == SWAP_ATTEMPTS:
                raise
            watcher.waiting("Somebody reads the tables without a pause; trying again.")
            await anyio.sleep(SWAP_PAUSE_S)
