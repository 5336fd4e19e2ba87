"""A client keeps to what the service announces, and always has something left for its commands."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.allowance import Allowance

LIMITS = {"messages_per_s": 20, "messages_burst": 60}


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def an_allowance(clock: Clock, **limits: float) -> Allowance:
    allowance = Allowance(clock)
    allowance.renew(LIMITS | limits)
    return allowance


@given(
    per_s=st.floats(0.5, 500),
    burst=st.integers(1, 200),
    waits_s=st.lists(st.floats(0, 2), max_size=60),
)
def test_what_is_sent_stays_below_the_announced_rate_and_burst(per_s: float, burst: int, waits_s: list[float]) -> None:
    # given a service that counts, and a client that sends whatever it may at any time
    clock = Clock()
    allowance = an_allowance(clock, messages_per_s=per_s, messages_burst=burst)
    left, counted_at_s = float(burst), clock.now_s
    for wait_s in waits_s:
        clock.now_s += wait_s
        while allowance.take_spare():
            # then the service has a token for each
            left = min(burst, left + (clock.now_s - counted_at_s) * per_s) - 1
            counted_at_s = clock.now_s
            assert left >= 0


def test_half_of_the_burst_is_kept_for_commands() -> None:
    async def commands_that_go_at_once(allowance: Allowance) -> int:
        count = 0
        while count < 100:
            with anyio.move_on_after(0) as scope:
                await allowance.take()
            if scope.cancelled_caught:
                break
            count += 1
        return count

    allowance = an_allowance(Clock())
    interims = 0
    while allowance.take_spare():
        interims += 1

    assert 20 <= interims <= 30
    assert anyio.run(commands_that_go_at_once, allowance) >= 25


async def test_a_command_waits_for_its_token() -> None:
    allowance = Allowance()
    allowance.renew({"messages_per_s": 1_000, "messages_burst": 1})

    with anyio.fail_after(5):
        for _ in range(20):
            await allowance.take()


@pytest.mark.parametrize("limits", [{}, {"messages_per_s": 1}, {"messages_burst": 1}, {"messages_per_s": "many"}])
def test_what_is_not_limited_is_not_held_back(limits: dict[str, object]) -> None:
    allowance = Allowance(Clock())
    allowance.renew(limits)

    assert all(allowance.take_spare() for _ in range(1_000))


def test_a_refusal_holds_everything_back_for_as_long_as_it_says() -> None:
    clock = Clock()
    allowance = an_allowance(clock)

    allowance.close(for_ms=500)

    assert not allowance.take_spare()
    clock.now_s += 0.51
    assert allowance.take_spare()


def test_a_new_connection_begins_with_a_full_bucket() -> None:
    allowance = an_allowance(Clock())
    while allowance.take_spare():
        pass

    allowance.renew(LIMITS)

    assert allowance.take_spare()
