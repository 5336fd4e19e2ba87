"""The arithmetic under the figures: percentiles and pooled rounds."""

from array import array
from collections.abc import Iterable

import pytest

from benchmarks.measurement import Measurement, percentile, pooled


def measurement(latencies_ns: Iterable[int] = (), *, operations: int = 10, seconds: float = 2.0) -> Measurement:
    return Measurement(operations=operations, seconds=seconds, latencies_ns=array("Q", latencies_ns))


@pytest.mark.parametrize(
    ("share", "expected"), [(0.001, 1), (0.5, 50), (0.509, 51), (0.99, 99), (0.999, 100), (1.0, 100)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(range(1, 101), share) == expected


def test_every_percentile_of_one_value_is_that_value() -> None:
    assert [percentile([7], share) for share in (0.01, 0.5, 0.999)] == [7, 7, 7]


def test_percentiles_do_not_need_sorted_latencies() -> None:
    assert measurement([3_000_000, 1_000_000, 2_000_000]).percentile_ms(0.5) == 2.0


def test_without_latencies_there_is_no_percentile() -> None:
    assert measurement().percentile_ms(0.5) is None


def test_pooled_rounds_count_as_one_long_run() -> None:
    rounds = [
        measurement([1_000_000] * 3, operations=100, seconds=1),
        measurement([9_000_000], operations=20, seconds=2),
    ]

    whole = pooled(rounds)

    assert whole.rate_per_second == 40
    assert (whole.percentile_ms(0.75), whole.percentile_ms(0.99)) == (1.0, 9.0)


def test_pooled_extras_are_the_mean_of_the_known_ones() -> None:
    first = Measurement(operations=1, seconds=1, latencies_ns=array("Q"), batch_size=10, refused=2, not_yet_durable=5)
    second = Measurement(operations=1, seconds=1, latencies_ns=array("Q"), batch_size=30, refused=3, not_yet_durable=4)

    whole = pooled([first, second, measurement()])

    assert (whole.batch_size, whole.event_bytes, whole.refused, whole.not_yet_durable) == (20, None, 5, 5)


def test_the_parts_of_rounds_are_their_means() -> None:
    rounds = [
        Measurement(operations=1, seconds=1, latencies_ns=array("Q"), parts={"copy": 1.0, "swap": 0.2}),
        Measurement(operations=1, seconds=1, latencies_ns=array("Q"), parts={"copy": 3.0}),
    ]

    assert pooled(rounds).parts == {"copy": 2.0, "swap": 0.1}
