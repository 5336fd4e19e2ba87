"""A process of its own for one piece of work: told by one JSON line, answering with one."""

import asyncio
import json
import os
import sys
from array import array
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import IO, Any

from benchmarks.measurement import Measurement
from benchmarks.sockets.processes import last_line
from benchmarks.subject import BenchmarkError


class Child:
    """Works until it is told to finish."""

    def __init__(self, process: asyncio.subprocess.Process, output: IO[bytes], errors: IO[bytes]) -> None:
        self._process = process
        self._output = output
        self._errors = errors

    async def finish(self) -> Any:
        """What it has to tell."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return await _told(self._process, self._output, self._errors)


@asynccontextmanager
async def working(module: str, question: Mapping[str, Any]) -> AsyncIterator[Child]:
    """A child that has begun. It answers into the file whose number it gets, after its input has ended."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, json.dumps(question), str(output.fileno())),
            pass_fds=(output.fileno(),),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdout is not None
        try:
            if not await process.stdout.readline():
                await _told(process, output, errors)
            yield Child(process, output, errors)
        finally:
            await _ended(process)


def has_begun() -> None:
    """As the child that works: from now on it counts."""
    sys.stdout.write("begun\n")
    sys.stdout.flush()


async def until_told_to_finish() -> None:
    """As the child that works."""
    await asyncio.to_thread(sys.stdin.read)


def tell(told: Any) -> None:
    """As the child that works: the answer."""
    with open(int(sys.argv[2]), "w", encoding="utf-8") as output:
        json.dump(told, output)


async def ask_child(module: str, question: Mapping[str, Any], dsn: str | None = None) -> Any:
    """What the module prints. The DSN goes by the environment: arguments are seen in a list of processes."""
    # A file, because the answer is long: one that came through a pipe has been seen cut short.
    with TemporaryFile() as output, TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, json.dumps(question)),
            env=os.environ | ({"DATABASE_URL": dsn} if dsn else {}),
            stdout=output,
            stderr=errors,
        )
        try:
            return await _told(process, output, errors)
        finally:
            await _ended(process)


async def _told(process: asyncio.subprocess.Process, output: IO[bytes], errors: IO[bytes]) -> Any:
    """When it has ended."""
    status = await process.wait()
    if status != 0:
        raise BenchmarkError(last_line(errors) or f"a process ended with {status}")
    output.seek(0)
    return json.load(output)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def answer(told: Any) -> None:
    """As the child."""
    sys.stdout.write(json.dumps(told))


def measurement_as_json(measured: Measurement) -> dict[str, Any]:
    """For `answer`."""
    return asdict(measured) | {"latencies_ns": measured.latencies_ns.tolist()}


def measurement_from_json(told: Mapping[str, Any]) -> Measurement:
    """What `measurement_as_json` made."""
    return Measurement(**{**told, "latencies_ns": array("Q", told["latencies_ns"])})
