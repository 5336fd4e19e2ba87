"""How long a load took, and how much of a core its generator needed for it."""

from array import array
from time import perf_counter_ns, process_time_ns

from benchmarks.closed_loop import NANOSECONDS_PER_SECOND
from benchmarks.measurement import Measurement


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._start_ns = perf_counter_ns()
        self._start_busy_ns = process_time_ns()

    def measurement(self, operations: int, latencies_ns: "array[int]") -> Measurement:
        """Of the time until now."""
        elapsed_ns = perf_counter_ns() - self._start_ns
        return Measurement(
            operations=operations,
            seconds=elapsed_ns / NANOSECONDS_PER_SECOND,
            latencies_ns=latencies_ns,
            generator_busy=(process_time_ns() - self._start_busy_ns) / elapsed_ns,
        )
