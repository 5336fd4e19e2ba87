"""Given tables at a position, when somebody waits for another, then they wait no longer than they must."""

import anyio
import pytest

from app.projected_position import ProjectedPosition

LONG_S = 5.0
SHORT_S = 0.02


async def test_what_is_there_is_not_waited_for() -> None:
    projected = ProjectedPosition()
    projected.advance(7)

    assert await projected.wait(7, 0)
    assert not projected.is_awaited


async def test_a_waiter_is_woken_when_its_position_is_reached_and_not_before() -> None:
    projected = ProjectedPosition()
    reached: list[int] = []

    async def wait_for(position: int) -> None:
        assert await projected.wait(position, LONG_S)
        reached.append(position)

    async with anyio.create_task_group() as group:
        for position in (30, 10, 20):
            group.start_soon(wait_for, position)
        await anyio.wait_all_tasks_blocked()
        for position, expected in ((5, []), (10, [10]), (29, [10, 20]), (40, [10, 20, 30])):
            projected.advance(position)
            await anyio.wait_all_tasks_blocked()
            assert reached == expected

    assert not projected.is_awaited


async def test_who_waits_too_long_is_told_and_leaves_nothing_behind() -> None:
    projected = ProjectedPosition()

    assert not await projected.wait(1, SHORT_S)

    assert not projected.is_awaited


async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    projected = ProjectedPosition()

    with anyio.move_on_after(SHORT_S):
        await projected.wait(1, LONG_S)

    assert not projected.is_awaited


async def test_the_position_never_goes_back() -> None:
    projected = ProjectedPosition()

    projected.advance(5)
    projected.advance(3)

    assert projected.position == 5


async def test_somebody_is_noticed_when_they_begin_to_wait() -> None:
    projected = ProjectedPosition()
    with pytest.raises(TimeoutError), anyio.fail_after(SHORT_S):
        await projected.wait_for_somebody()

    async with anyio.create_task_group() as group:
        group.start_soon(projected.wait, 1, LONG_S)
        with anyio.fail_after(LONG_S):
            await projected.wait_for_somebody()
        projected.advance(1)
