"""`turnlog rebuild`."""

import os
import sys

import click

from app.console.operator import operator_dsn

MAX_DEFAULT_JOBS = 4


@click.command()
@click.argument("table", type=click.Choice(["all", "sessions", "messages"]), default="all")
@click.option("--rollback", is_flag=True, help="Back to the tables before the last rebuild, brought up to date first.")
@click.option("--abandon", is_flag=True, help="Drop what an unfinished rebuild has made.")
@click.option("--only-if-equal", is_flag=True, help="Compare with the live tables, and swap only if nothing differs.")
@click.option(
    "--max-rate",
    type=click.FloatRange(min=1),
    metavar="EVENTS_PER_S",
    help="No faster than this, to spare the machine for what is live.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="So many processes copy at a time. Default: one for each processor, at most 4.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a database that goes away is waited for.",
)
@click.option("--json", "as_json", is_flag=True, help="The outcome as one JSON object.")
def rebuild(
    table: str,
    *,
    rollback: bool,
    abandon: bool,
    only_if_equal: bool,
    max_rate: float | None,
    jobs: int | None,
    patience: float,
    as_json: bool,
) -> None:
    """Build the read tables anew from the events, while they are read and written.

    New tables are filled beside the live ones, brought up to where these are, compared with them row by row and put in
    their place at once: no read fails, and none sees half of it. The old tables are kept, for --rollback, until the
    next rebuild. Whenever it is interrupted, the same command goes on where it was.

    \b
    Examples:
      turnlog rebuild                          both tables
      turnlog rebuild messages --max-rate 20000
      turnlog rebuild --rollback
    """
    if rollback and abandon:
        raise click.UsageError("--rollback and --abandon exclude each other.")

    from adapters.postgres.rebuild.store import PostgresRebuildStore
    from adapters.postgres.rebuild.worker import spare_the_collector
    from app.operations.rebuild.rebuilding import Wish
    from app.operations.rebuild.terminal import CannotRebuild, Options, run_abandon, run_rebuild
    from projections.rebuilding import Pace
    from projections.registry import BY_NAME

    chosen = tuple(name for name in BY_NAME if table in ("all", name))
    wish = Wish(projections=chosen, is_rollback=rollback, only_if_equal=only_if_equal)
    pace = Pace(jobs=jobs or min(MAX_DEFAULT_JOBS, len(os.sched_getaffinity(0))), max_events_per_s=max_rate)
    options = Options(wish=wish, pace=pace, patience_s=patience, as_json=as_json)
    spare_the_collector()
    with operator_dsn() as dsn:
        store = PostgresRebuildStore(dsn)
        try:
            if abandon:
                click.echo(run_abandon(store))
                return
            status = run_rebuild(store, options)
        except CannotRebuild as error:
            raise click.ClickException(str(error)) from error
    sys.exit(status)
