"""`turnlog bench`: figures against peers, measured on this machine in one run."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click


@click.group()
def bench() -> None:
    """Measure Turnlog beside its peers. Only the ratios of one run mean something."""


def _common_options(example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Those of every benchmark, with examples of what `--only` takes."""
    options = (
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of the table."),
        click.option(
            "--seconds", type=click.FloatRange(min=0.05), help="Of each measurement in each round. Default: 2."
        ),
        click.option("--quick", is_flag=True, help="One very short round: shows the shape, the figures mean nothing."),
        click.option("--only", multiple=True, metavar="NAME", help=f"Only this, such as {example}; may be repeated."),
    )

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@bench.command()
@_common_options("turnlog or pgbench")
def append(**options: Any) -> None:
    """Durable appends a second and their latency, against pgbench, the eventsourcing library and others.

    Starts a Postgres of its own with every write flushed, or makes its databases on the server of DATABASE_URL. Takes
    about three minutes.

    \b
    Example:
      turnlog bench append
      turnlog bench append --only turnlog --only pgbench --json
    """
    _run("append", options)


@bench.command()
@_common_options("turnlog, socketio or fanout")
def realtime(**options: Any) -> None:
    """Commands, fan-out, memory and connections over WebSockets, against bare uvicorn, socket.io and python-socketio.

    Each server is a process of its own; Postgres as in `append`. Takes about eight minutes.

    \b
    Example:
      turnlog bench realtime
      turnlog bench realtime --only turnlog --only socketio --only fanout
    """
    _run("realtime", options)


EVENTS = click.option(
    "--events", type=click.IntRange(1_000, 1_000_000_000), metavar="N", help="How many are stored. Default: as above."
)


@bench.command()
@EVENTS
@click.option(
    "--under-load",
    is_flag=True,
    help="Show `turnlog rebuild all` beside 1,000 appends/s and readers: no read may fail.",
)
@_common_options("turnlog or plain_sql")
def rebuild(**options: Any) -> None:
    """Both read tables from 1,000,000 events, against plain SQL and the eventsourcing library's ProjectionRunner.

    Postgres as in `append`. Every row that anybody makes is compared with Turnlog's. Takes about eight minutes and
    four gigabytes of disk; --quick takes 50,000 events. With --under-load it takes two minutes, and --seconds is how
    long the load goes on before the rebuild and after it.

    \b
    Example:
      turnlog bench rebuild
      turnlog bench rebuild --events 100000 --only turnlog --only plain_sql
      turnlog bench rebuild --under-load
    """
    if options["under_load"] and options["only"]:
        raise click.UsageError("--under-load and --only exclude each other.")
    _run("rebuild", options)


@bench.command()
@EVENTS
@_common_options("append_filled or search")
def growth(**options: Any) -> None:
    """The same work on an empty store and beside 10,000,000 events; long conversations and short ones; many that live.

    Postgres as in `append`. Takes about twenty minutes and sixteen gigabytes of disk; --quick takes 20,000 events.

    \b
    Example:
      turnlog bench growth
      turnlog bench growth --events 1000000 --only append_empty --only append_filled
    """
    _run("growth", options)


def _run(name: str, options: dict[str, Any]) -> None:
    # By name, because the benchmarks stand above the composition root and the console below it.
    benchmark = import_module(f"benchmarks.{name}")
    unknown = set(options["only"]) - set(benchmark.NAMES)
    if unknown:
        known = ", ".join(benchmark.NAMES)
        raise click.BadParameter(f"{', '.join(sorted(unknown))} is not one of {known}", param_hint="--only")
    sys.exit(benchmark.run_benchmark(benchmark.Options(**options)))
