"""How much a client may say: the bucket itself, on a clock that the test moves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ws import rate
from app.ws.rate import RateLimit, RateLimited, TokenBucket

LIMIT = RateLimit(frames_per_s=20.0, burst_frames=60)


class Clock:
    """Monotonic, when it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate, "monotonic", clock)
    return clock


def passing(bucket: TokenBucket, frames: int) -> int:
    """How many of so many frames at once may pass."""
    passed = 0
    for _ in range(frames):
        try:
            bucket.take()
            passed += 1
        except RateLimited:
            pass
    return passed


@pytest.mark.parametrize("idle_s", [0.0, 3.0, 3_600.0])
def test_at_once_no_more_than_the_burst_passes_however_long_nothing_was_sent(clock: Clock, idle_s: float) -> None:
    bucket = TokenBucket(LIMIT)
    clock.now_s += idle_s
    assert passing(bucket, 200) == 60
    clock.now_s += idle_s
    assert passing(bucket, 200) == min(60, 20 * idle_s)


def test_one_is_told_when_the_next_may_come(clock: Clock) -> None:
    bucket = TokenBucket(LIMIT)
    passing(bucket, 60)
    with pytest.raises(RateLimited) as refused:
        bucket.take()

    clock.now_s += refused.value.retry_after_ms / 1_000
    assert passing(bucket, 2) == 1


def test_as_many_refused_in_a_row_as_may_come_at_once_are_a_flood(clock: Clock) -> None:
    bucket = TokenBucket(LIMIT)
    passing(bucket, 60 + 59)
    assert not bucket.is_flooded
    passing(bucket, 1)
    assert bucket.is_flooded


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 100)), max_size=30))
def test_over_any_stretch_of_time_the_rate_and_one_burst_pass(arrivals: list[tuple[float, int]]) -> None:
    clock: Any = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate, "monotonic", clock)
        bucket = TokenBucket(LIMIT)
        passed: list[tuple[float, int]] = []
        for pause_s, frames in arrivals:
            clock.now_s += pause_s
            passed.append((clock.now_s, passing(bucket, frames)))
    for start in range(len(passed)):
        for end in range(start, len(passed)):
            in_between = sum(count for _, count in passed[start : end + 1])
            assert in_between <= 60 + 20 * (passed[end][0] - passed[start][0]) + 1e-6
