"""What the figures of a run depend on: printed before them, so that nobody reads them without it."""

import os
import platform
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from time import perf_counter_ns
from typing import Final

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from benchmarks.measurement import NANOSECONDS_PER_MILLISECOND
from benchmarks.rows import Row
from benchmarks.server import Server, filesystem_of

SETTINGS: Final = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
)
PAGE_BYTES: Final = 8192
FLUSHES: Final = 300
FEW_FLUSHES: Final = 30


async def environment(server: Server, *, quick: bool) -> list[Row]:
    rows = [Row(name=f"environment.{name}", value=value) async for name, value in _postgres(server.dsn)]
    rows += [
        Row(name="environment.python", value=platform.python_version()),
        Row(name="environment.cores", value=os.cpu_count()),
        # Of the minute before: what else runs here slows both sides of a ratio, but not evenly.
        Row(name="environment.load_before", value=round(os.getloadavg()[0], 2)),
        *_disk(server.disk, FEW_FLUSHES if quick else FLUSHES),
    ]
    return rows


async def _postgres(dsn: str) -> AsyncIterator[tuple[str, str]]:
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        yield "postgres", str(connection.info.parameter_status("server_version"))
        for setting in SETTINGS:
            cursor = await connection.execute(SQL("SHOW {}").format(Identifier(setting)))
            shown = await cursor.fetchone()
            yield setting, str(shown[0]) if shown else "unknown"


def _disk(folder: Path | None, flushes: int) -> list[Row]:
    if folder is None:
        return [Row(name="environment.flush", value="not measured: the disk belongs to the server of DATABASE_URL")]
    return [
        Row(name="environment.filesystem", value=filesystem_of(folder)),
        Row(name="environment.flush", value=round(_flush_ms(folder, flushes), 4), unit="ms"),
    ]


def _flush_ms(folder: Path, flushes: int) -> float:
    """Median of overwriting a page and fdatasync, which is what Postgres does at a commit."""
    times = []
    with TemporaryFile(dir=folder) as file:
        for _ in range(flushes):
            start_ns = perf_counter_ns()
            os.pwrite(file.fileno(), b"\0" * PAGE_BYTES, 0)
            os.fdatasync(file.fileno())
            times.append(perf_counter_ns() - start_ns)
    return median(times) / NANOSECONDS_PER_MILLISECOND
