"""A process of its own for one piece of work: told one JSON line, answering with one."""

import asyncio
import json
import os
import sys
from array import array
from collections.abc import Mapping
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.sockets.processes import last_line
from benchmarks.subject import BenchmarkError


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
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0:
            raise BenchmarkError(last_line(errors) or f"{module} ended with {status}")
        output.seek(0)
        return json.load(output)


def answer(told: Any) -> None:
    """As the child."""
    sys.stdout.write(json.dumps(told))


def measurement_as_json(measured: Measurement) -> dict[str, Any]:
    """For `answer`."""
    return asdict(measured) | {"latencies_ns": measured.latencies_ns.tolist()}


def measurement_from_json(told: Mapping[str, Any]) -> Measurement:
    """What `measurement_as_json` made."""
    return Measurement(**{**told, "latencies_ns": array("Q", told["latencies_ns"])})
