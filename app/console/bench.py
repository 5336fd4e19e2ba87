"""`turnlog bench`: figures against peers, measured on this machine in one run."""

import sys
from importlib import import_module

import click


@click.group()
def bench() -> None:
    """Measure Turnlog beside its peers. Only the ratios of one run mean something."""


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of the table.")
@click.option("--seconds", type=click.FloatRange(min=0.05), help="Of each measurement in each round. Default: 2.")
@click.option("--quick", is_flag=True, help="One very short round: shows the shape, the figures mean nothing.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this subject, such as turnlog or pgbench; may be repeated."
)
def append(*, as_json: bool, seconds: float | None, quick: bool, only: tuple[str, ...]) -> None:
    """Durable appends a second and their latency, against pgbench, the eventsourcing library and others.

    Starts a Postgres of its own with every write flushed, or makes its databases on the server of DATABASE_URL. Takes
    about three minutes.

    \b
    Example:
      turnlog bench append
      turnlog bench append --only turnlog --only pgbench --json
    """
    # By name, because the benchmarks stand above the composition root and the console below it.
    benchmark = import_module("benchmarks.append")
    unknown = set(only) - set(benchmark.SUBJECT_NAMES)
    if unknown:
        known = ", ".join(benchmark.SUBJECT_NAMES)
        raise click.BadParameter(f"{', '.join(sorted(unknown))} is not one of {known}", param_hint="--only")
    options = benchmark.Options(as_json=as_json, seconds=seconds, quick=quick, only=only)
    sys.exit(benchmark.run_append(options))
