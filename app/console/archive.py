"""`turnlog archive`."""

import click

from app.console.operator import operator_dsn


@click.command()
@click.option("--ended-before", metavar="AGE", help="Those that ended so long ago: 90d, 12h, 4w, or 2026-01-31.")
@click.option("--tenant", type=click.UUID, metavar="ID", help="Only those of this tenant.")
@click.option("--dry-run", is_flag=True, help="Say what would move, and move nothing.")
@click.option(
    "--max-rate",
    type=click.FloatRange(min=1),
    metavar="EVENTS_PER_S",
    help="No faster than this, to spare the machine for what is live.",
)
@click.option("--restore", type=click.UUID, metavar="ID", help="Bring the events of one conversation back.")
def archive(
    *, ended_before: str | None, tenant: object, dry_run: bool, max_rate: float | None, restore: object
) -> None:
    """Move the events of conversations that ended long ago into a table of their own.

    Everything goes on reading them: the conversations, their past, their messages, rebuilds and exports. What is
    written to every day stays small. The service may be running. Whenever it is interrupted, the same command goes on.

    \b
    Examples:
      turnlog archive --ended-before 90d --dry-run
      turnlog archive --ended-before 90d --max-rate 5000
      turnlog archive --restore 0199f2c4-7d1e-7c3a-9b1f-2f6f0f6a4e11
    """
    if (ended_before is None) is (restore is None):
        raise click.UsageError("Give either --ended-before or --restore.")
    if restore is not None and (tenant is not None or dry_run or max_rate is not None):
        raise click.UsageError("--restore goes with no other option.")

    from app.operations.archiving_terminal import CannotArchive, Options, run_archive, run_restore

    try:
        if restore is not None:
            with operator_dsn() as dsn:
                click.echo(run_restore(dsn, str(restore)))
            return
        options = Options(
            ended_before=str(ended_before),
            tenant_id=None if tenant is None else str(tenant),
            is_dry_run=dry_run,
            max_events_per_s=max_rate,
        )
        with operator_dsn() as dsn:
            click.echo(run_archive(dsn, options))
    except CannotArchive as error:
        raise click.ClickException(str(error)) from error
