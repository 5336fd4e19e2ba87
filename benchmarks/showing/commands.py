"""The commands of an operator, as processes of their own."""

import asyncio
import json
import os
import sys
from tempfile import TemporaryFile
from typing import Any

from benchmarks.sockets.processes import last_line
from benchmarks.subject import BenchmarkError


async def operate(dsn: str, *arguments: str) -> dict[str, Any]:
    """The JSON that `turnlog ARGUMENTS --json` prints. Raises BenchmarkError: it has failed without an outcome."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", *arguments, "--json"),
            env=os.environ | {"DATABASE_URL": dsn},
            stdout=output,
            stderr=errors,
        )
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        output.seek(0)
        told = output.read()
        if not told:
            raise BenchmarkError(f"turnlog {' '.join(arguments)}: {last_line(errors)}")
        outcome: dict[str, Any] = json.loads(told)
        return outcome
