"""pgbench: what Postgres itself gives to one row a transaction and a connection a caller."""

from __future__ import annotations

import asyncio
import os
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import payload, sql
from benchmarks.database import execute, libpq_environment
from benchmarks.measurement import Measurement
from benchmarks.subject import BenchmarkError, Subject
from benchmarks.tools import Missing

NANOSECONDS_PER_MICROSECOND: Final = 1_000
LATENCY_COLUMN: Final = 2
SAMPLED_SHARE: Final = 0.2
"""Of the latencies when there are many connections, so that writing the log costs nothing."""
FEW_CONNECTIONS: Final = 4


def subject(program: Path | Missing) -> Subject:
    async def measure(dsn: str, callers: int, seconds: float) -> Measurement:
        assert isinstance(program, Path)
        variables = {"version": "0", "topic": payload.TOPIC, "state": payload.JSON_TEXT}
        script = Script(sql.path_of("insert_event.pgbench.sql"), variables)
        return await run(program, script, dsn, callers, seconds)

    return Subject(
        name="pgbench",
        callers_are="connections",
        prepare=prepare,
        measure=measure,
        missing=program.reason if isinstance(program, Missing) else None,
    )


async def prepare(dsn: str) -> None:
    await execute(dsn, sql.text_of("stored_events.sql"))


@dataclass(frozen=True, slots=True)
class Script:
    file: Path
    variables: Mapping[str, str]


async def run(program: Path, script: Script, dsn: str, connections: int, seconds: float) -> Measurement:
    """pgbench counts whole seconds: `seconds` is rounded, and is one at least."""
    whole_seconds = max(1, round(seconds))
    with TemporaryDirectory() as folder:
        command = _command(program, script, connections, whole_seconds, Path(folder))
        process = await asyncio.create_subprocess_exec(
            *command,
            env=os.environ | libpq_environment(dsn),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        rate = re.search(r"^tps = ([0-9.]+)", output.decode(), re.MULTILINE)
        if process.returncode != 0 or rate is None:
            raise BenchmarkError(f"pgbench failed: {errors.decode().strip()}")
        return Measurement(
            operations=round(float(rate[1]) * whole_seconds),
            seconds=whole_seconds,
            latencies_ns=_latencies_ns(Path(folder)),
        )


def _command(program: Path, script: Script, connections: int, seconds: int, log_folder: Path) -> list[str]:
    threads = min(connections, os.cpu_count() or 1)
    share = 1.0 if connections <= FEW_CONNECTIONS else SAMPLED_SHARE
    options = {
        "client": connections,
        "jobs": threads,
        "time": seconds,
        "protocol": "prepared",
        "file": script.file,
        "log-prefix": log_folder / "transactions",
        "sampling-rate": share,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    defines = [f"--define={name}={value}" for name, value in script.variables.items()]
    return [str(program), "--no-vacuum", "--log", *flags, *defines]


def _latencies_ns(log_folder: Path) -> array[int]:
    latencies = array("Q")
    for log in log_folder.iterdir():
        for line in log.read_text(encoding="ascii").splitlines():
            latencies.append(int(line.split(maxsplit=3)[LATENCY_COLUMN]) * NANOSECONDS_PER_MICROSECOND)
    return latencies
