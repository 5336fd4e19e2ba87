"""Emmett on Postgres: an event store of the Node world, through its own client and its pool as it comes."""

import asyncio
import json
import os
from array import array
from pathlib import Path
from typing import Final

from benchmarks import payload
from benchmarks.database import libpq_environment
from benchmarks.measurement import Measurement
from benchmarks.subject import BenchmarkError, Subject
from benchmarks.tools import Missing

NANOSECONDS_PER_MICROSECOND: Final = 1_000


def subject(package: Path | Missing) -> Subject:
    async def prepare(dsn: str) -> None:
        assert isinstance(package, Path)
        await _node(package, dsn, "prepare")

    async def measure(dsn: str, callers: int, seconds: float) -> Measurement:
        assert isinstance(package, Path)
        return _measurement(await _node(package, dsn, "measure", str(callers), str(seconds)))

    return Subject(
        name="emmett",
        callers_are="callers",
        prepare=prepare,
        measure=measure,
        missing=package.reason if isinstance(package, Missing) else None,
    )


async def _node(package: Path, dsn: str, *arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(package / "append.mjs"),
        *arguments,
        env=os.environ | libpq_environment(dsn) | {"BENCHMARK_EVENT": payload.JSON_TEXT},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise BenchmarkError(f"node failed: {errors.decode().strip()}")
    return output


def _measurement(output: bytes) -> Measurement:
    """Its own library may log before the last line, which is the result."""
    result = json.loads(output.splitlines()[-1])
    latencies = array("Q", (each * NANOSECONDS_PER_MICROSECOND for each in result["latencies_us"]))
    return Measurement(operations=len(latencies), seconds=result["seconds"], latencies_ns=latencies)
