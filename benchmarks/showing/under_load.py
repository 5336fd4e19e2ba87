"""`turnlog bench rebuild --under-load`: a service, appends, readers, and `turnlog rebuild all` in the middle."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

from benchmarks.child import working
from benchmarks.database import fresh_database
from benchmarks.filled import fill_database, until_projected
from benchmarks.showing import appends, reads
from benchmarks.showing.commands import operate
from benchmarks.showing.findings import Findings
from benchmarks.showing.samples import Moments, Samples
from benchmarks.sockets.servers import RunningServer, running, turnlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    events: int
    sockets: int
    appends_per_s: float
    seconds: float
    """Before the rebuild, and after it."""


async def show(server_dsn: str, scale: Showing, on_step: Callable[[str], None]) -> Findings:
    """Raises BenchmarkError: an append was refused or not acknowledged, or a process failed."""
    async with fresh_database(server_dsn) as dsn:
        await fill_database(dsn, scale.events, on_step)
        async with running(turnlog(), dsn) as server:
            return await _show_on(dsn, server, scale, on_step)


async def _show_on(dsn: str, server: RunningServer, scale: Showing, on_step: Callable[[str], None]) -> Findings:
    load = appends.SteadyLoad(
        sockets=scale.sockets,
        rate_per_second=scale.appends_per_s,
        port=server.port,
        server_process_id=server.process_id,
    )
    async with (
        working(reads.__name__, {"port": server.port}) as reading,
        working(appends.__name__, load.as_json()) as appending,
    ):
        on_step("appends and reads, before the rebuild")
        begun_ns = perf_counter_ns()
        await asyncio.sleep(scale.seconds)
        on_step("appends and reads, and turnlog rebuild all")
        rebuild_ns = perf_counter_ns()
        rebuilt = await operate(dsn, "rebuild", "all")
        rebuilt_ns = perf_counter_ns()
        on_step("appends and reads, after the rebuild")
        await asyncio.sleep(scale.seconds)
        moments = Moments(begun_ns, rebuild_ns, rebuilt_ns, perf_counter_ns())
        appended, read = await appending.finish(), await reading.finish()
    on_step("turnlog verify")
    await until_projected(dsn)
    return Findings(
        events=scale.events,
        moments=moments,
        appends=Samples.from_json(appended),
        reads=Samples.from_json(read["samples"]),
        failed_reads=read["failed"],
        failures=read["failures"],
        rebuild=rebuilt,
        verification=await operate(dsn, "verify"),
    )
