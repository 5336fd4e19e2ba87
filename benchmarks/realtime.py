"""`turnlog bench realtime`: commands, fan-out, memory and connections over WebSockets, beside what people would pick.

Every server is a process of its own, and so is the load generator, which is the same for all of them.
"""

from collections.abc import Sequence
from typing import Final

from rich.console import Console

from benchmarks import run
from benchmarks.environment import environment
from benchmarks.report import Report
from benchmarks.rounds import run_rounds
from benchmarks.rows import Row
from benchmarks.run import Options
from benchmarks.server import Server
from benchmarks.sockets import messages, plan
from benchmarks.sockets.fanout import WINDOW_MESSAGES
from benchmarks.sockets.servers import ServerProgram

NAMES: Final = plan.NAMES

NOTES: Final = {
    "answers": "A command of Turnlog is decided, stored, acknowledged, and broadcast to the caller and to a listener. "
    "A peer sends an answer and nothing else: bare uvicorn an echo, the others an acknowledgement.",
    "open_loop": "Half of the rate that the same sockets reached just before; a latency begins when a command was due.",
    "fanout": f"The publisher has {WINDOW_MESSAGES} messages under way, which a server may send on together; in "
    "`single_fanout` it is one, and a latency is the time until all listeners have it. A listener that misses one "
    "breaks the case. Turnlog's are interims, stored as little as a peer's; in `durable_fanout` they are stored.",
    "idle": "The growth of the server's resident set. For Turnlog, each socket is in a conversation of its own.",
    "connections": "Until the socket is ready, for Turnlog until `live`, which needs a read of the database.",
    "limits": "Turnlog's limit of what one client may send is lifted; all other settings are the defaults.",
    "busy": "100 % is one core. A server has one for its Python or its JavaScript, and limits the figure once that is "
    "used up. The generator is one process, which takes all that waits at a socket in one piece.",
}


def run_benchmark(options: Options) -> int:
    """Returns the exit status."""
    return run.run(options, _measure)


async def _measure(server: Server, options: Options) -> Report:
    """The peers are installed first: a download must not run beside a measurement."""
    progress = Console(stderr=True)
    scale = plan.QUICK if options.quick else plan.FULL
    facts = await environment(server, quick=options.quick)
    with progress.status("looking for the peers; the first time some are installed") as status:
        programs = plan.realtime_programs(options.only)
        cases = plan.realtime_cases(programs, scale, options.only)
        results = await run_rounds(
            server.dsn,
            [case for case in cases if case.subject.missing is None],
            rounds=options.rounds,
            seconds=options.seconds_each,
            on_step=status.update,
        )
    return Report(
        environment=[*facts, *_servers_and_sizes(programs)],
        cases=cases,
        comparisons=plan.realtime_comparisons(scale),
        bounds=plan.realtime_bounds(scale),
        results=results,
        notes=_notes(options),
    )


def _servers_and_sizes(programs: Sequence[ServerProgram]) -> list[Row]:
    return [
        *(Row(name=f"environment.{each.name}", value=each.version or "missing") for each in programs),
        Row(name="environment.command", value=len(messages.turn_command(0)), unit="bytes"),
        Row(name="environment.broadcast", value=len(messages.broadcast(0)), unit="bytes"),
    ]


def _notes(options: Options) -> list[Row]:
    notes = [Row(name=f"note.{name}", value=text) for name, text in NOTES.items()]
    return [*notes, run.QUICK_NOTE] if options.quick else notes
