"""The servers side by side: how each is started, which dialect it speaks, in which version it is here."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from benchmarks.sockets.processes import last_line
from benchmarks.subject import BenchmarkError
from benchmarks.tools import Missing

START_SECONDS: Final = 60.0
ADDRESS: Final = re.compile(rb"http://127\.0\.0\.1:(\d+)")

TURNLOG_SETTINGS: Final = {
    "TURNLOG_SOCKET_MESSAGES_PER_S": "1000000",
    "TURNLOG_SOCKET_MESSAGES_BURST": "10000000",
}
"""What one client may send; without this the driver would be refused after 60 frames, as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProgram:
    """A program that prints the address it listens on, on a port that it finds itself."""

    name: str
    dialect: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    stores_messages: bool = False
    """Whether it has broadcasts that survive it."""
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class RunningServer:
    port: int
    process_id: int


def turnlog() -> ServerProgram:
    return ServerProgram(
        name="turnlog",
        dialect="turnlog",
        command=(sys.executable, "-m", "app", "serve", "--port", "0"),
        environment=TURNLOG_SETTINGS,
        version=version("turnlog"),
        stores_messages=True,
    )


def bare_uvicorn() -> ServerProgram:
    command = (sys.executable, "-m", "benchmarks.sockets.bare")
    return ServerProgram(name="uvicorn", dialect="bare", command=command, version=version("uvicorn"))


def python_socketio(package: Path | Missing) -> ServerProgram:
    name, dialect = "python_socketio", "socketio"
    if isinstance(package, Missing):
        return ServerProgram(name=name, dialect=dialect, missing=package.reason)
    pinned = re.search(r"^python-socketio==(\S+)", (package / "requirements.txt").read_text(), re.MULTILINE)
    command = (str(package / "environment" / "bin" / "python"), str(package / "server.py"))
    return ServerProgram(name=name, dialect=dialect, command=command, version=pinned[1] if pinned else "unknown")


def node_socketio(package: Path | Missing) -> ServerProgram:
    name, dialect = "socketio", "socketio"
    if isinstance(package, Missing):
        return ServerProgram(name=name, dialect=dialect, missing=package.reason)
    pinned = json.loads((package / "package.json").read_text())["dependencies"]["socket.io"]
    return ServerProgram(
        name=name,
        dialect=dialect,
        command=("node", str(package / "server.mjs")),
        environment={"NODE_ENV": "production"},
        version=pinned,
    )


@asynccontextmanager
async def running(program: ServerProgram, dsn: str) -> AsyncIterator[RunningServer]:
    """Killed at the end: nobody waits for its farewell, and its database is dropped."""
    with TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            env=os.environ | {"DATABASE_URL": dsn, **program.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        try:
            port = await _port(process)
            if port is None:
                raise BenchmarkError(f"{program.name} did not start: {last_line(errors)}")
            yield RunningServer(port, process.pid)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _port(process: asyncio.subprocess.Process) -> int | None:
    """None when it ends, or stays silent, without having told."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            while line := await process.stdout.readline():
                if found := ADDRESS.search(line):
                    return int(found[1])
    except TimeoutError:
        return None
    return None
