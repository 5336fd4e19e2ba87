"""What `turnlog bench realtime` measures, and what it must reach."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, get_args

from benchmarks.comparison import Bound, Comparison, Figure, Goal
from benchmarks.measurement import Measurement
from benchmarks.sockets.load import Load, Scenario, generate
from benchmarks.sockets.open_files import raised_limit
from benchmarks.sockets.servers import ServerProgram, bare_uvicorn, node_socketio, python_socketio, running, turnlog
from benchmarks.subject import Case, Subject
from benchmarks.tools import install_peer, install_python_peer

# In the order of a round: what is compared stands side by side.
MAKERS: Final[dict[str, Callable[[], ServerProgram]]] = {
    "uvicorn": bare_uvicorn,
    "turnlog": turnlog,
    "socketio": lambda: node_socketio(install_peer("socketio_node", ("node", "npm"))),
    "python_socketio": lambda: python_socketio(install_python_peer("socketio_python")),
}
SCENARIOS: Final = get_args(Scenario)
NAMES: Final = (*MAKERS, *SCENARIOS)

GOALS: Final[dict[tuple[Scenario, str], Goal]] = {
    ("command", "uvicorn"): Goal(0.25, at_least=True),
    ("fanout", "socketio"): Goal(1, at_least=True),
    ("single_fanout", "socketio"): Goal(1, at_least=True),
    ("idle", "uvicorn"): Goal(1.5, at_least=False),
}
SLOWEST_AT_HALF_OF_PEAK_MS: Final = 20

FILES_BESIDE_SOCKETS: Final = 100
UNITS: Final[dict[Scenario, tuple[str, str]]] = {
    "command": ("sockets", "commands/s"),
    "open_loop": ("sockets", "commands/s"),
    "fanout": ("listeners", "deliveries/s"),
    "single_fanout": ("listeners", "deliveries/s"),
    "durable_fanout": ("listeners", "deliveries/s"),
    "idle": ("sockets", "bytes a socket"),
    "connections": ("at a time", "connections/s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many sockets each scenario has."""

    callers: int
    listeners: tuple[int, ...]
    idle: int
    connecting: int

    def loads(self) -> Iterator[tuple[Scenario, int]]:
        """In the order of a round."""
        yield "command", self.callers
        yield "open_loop", self.callers
        for count in self.listeners:
            yield "fanout", count
            yield "single_fanout", count
            yield "durable_fanout", count
        yield "idle", self.idle
        yield "connections", self.connecting


FULL: Final = Scale(callers=64, listeners=(200, 5_000), idle=2_000, connecting=50)
QUICK: Final = Scale(callers=8, listeners=(20, 200), idle=100, connecting=10)


def realtime_programs(only: Collection[str]) -> list[ServerProgram]:
    """Of the named servers, or all. Installs peers when it must, so it may take a while the first time."""
    return [make() for name, make in MAKERS.items() if name in only or not any(each in MAKERS for each in only)]


def realtime_cases(programs: Collection[ServerProgram], scale: Scale, only: Collection[str]) -> list[Case]:
    """Of the named scenarios, or all."""
    chosen = [name for name in SCENARIOS if name in only] or SCENARIOS
    open_files = raised_limit()
    return [
        Case(_subject(program, scenario, count, open_files), count)
        for scenario, count in scale.loads()
        for program in programs
        if scenario in chosen and (scenario != "durable_fanout" or program.stores_messages)
    ]


def realtime_comparisons(scale: Scale) -> list[Comparison]:
    """Turnlog with each peer, where a peer does the same."""
    return [
        Comparison(
            name=f"turnlog.{scenario}.{count}",
            against=f"{peer}.{scenario}.{count}",
            figure=_headline(scenario),
            goal=GOALS.get((scenario, peer)),
        )
        for scenario, count in scale.loads()
        for peer in MAKERS
        if peer != "turnlog" and scenario not in {"open_loop", "durable_fanout"}
    ]


def realtime_bounds(scale: Scale) -> list[Bound]:
    at_half_of_peak = f"turnlog.open_loop.{scale.callers}"
    return [Bound(name=at_half_of_peak, figure=Figure.SLOW_LATENCY, below=SLOWEST_AT_HALF_OF_PEAK_MS)]


def _subject(program: ServerProgram, scenario: Scenario, count: int, open_files: int) -> Subject:
    async def prepare(_dsn: str) -> None:
        """The server makes its tables itself."""

    async def measure(dsn: str, sockets: int, seconds: float) -> Measurement:
        async with running(program, dsn) as server:
            return await generate(
                Load(
                    scenario=scenario,
                    dialect=program.dialect,
                    sockets=sockets,
                    seconds=seconds,
                    port=server.port,
                    server_process_id=server.process_id,
                )
            )

    needed = count + FILES_BESIDE_SOCKETS
    too_few = f"needs {needed} open files, and the limit is {open_files}" if needed > open_files else None
    callers_are, unit = UNITS[scenario]
    return Subject(
        name=f"{program.name}.{scenario}",
        callers_are=callers_are,
        prepare=prepare,
        measure=measure,
        missing=program.missing or too_few,
        headline=_headline(scenario),
        unit=unit,
    )


def _headline(scenario: Scenario) -> Figure:
    return Figure.SOCKET_MEMORY if scenario == "idle" else Figure.RATE
