"""How long a load took, and how much of a core the server and the generator needed for it."""

from __future__ import annotations

from array import array
from time import perf_counter, process_time

from benchmarks.measurement import Measurement
from benchmarks.sockets.processes import busy_seconds


class Stopwatch:
    """Runs from its making."""

    def __init__(self, server_process_id: int) -> None:
        self._server_process_id = server_process_id
        self._server_began = busy_seconds(server_process_id)
        self._generator_began = process_time()
        self._began = perf_counter()

    def measurement(self, operations: int, latencies_ns: array[int]) -> Measurement:
        """Of the time until now."""
        seconds = perf_counter() - self._began
        server = busy_seconds(self._server_process_id)
        began = self._server_began
        return Measurement(
            operations=operations,
            seconds=seconds,
            latencies_ns=latencies_ns,
            server_busy=None if server is None or began is None else (server - began) / seconds,
            generator_busy=(process_time() - self._generator_began) / seconds,
        )
