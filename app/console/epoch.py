"""`turnlog epoch`."""

import click

from app.console.operator import operator_dsn


@click.group(invoke_without_command=True)
@click.pass_context
def epoch(context: click.Context) -> None:
    """Show the incarnations of the event store, or begin a new one after a restore.

    Clients go by the epoch: what they hold of an earlier one is not continued, they are told `gap` and get a snapshot.
    The service begins an epoch by itself where Postgres can tell that it was restored: on another server, in another
    database, after a recovery to an earlier point, after a promotion. Of files that were copied back nobody can tell.

    \b
    Examples:
      turnlog epoch
      turnlog epoch new --reason "files of Sunday put back"
    """
    if context.invoked_subcommand is None:
        _show()


@epoch.command()
@click.option("--reason", required=True, help="Kept beside the epoch, such as what was restored from where.")
def new(reason: str) -> None:
    """Begin a new epoch. The service must be stopped.

    \b
    Example:
      turnlog epoch new --reason "files of Sunday put back"
    """
    import anyio

    from adapters.postgres.epoch import Epoch, NotTheOwner, ServiceConnected, begin_epoch

    with operator_dsn() as dsn:
        try:
            begun: Epoch = anyio.run(begin_epoch, dsn, reason)
        except (NotTheOwner, ServiceConnected) as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"Epoch {begun.name} has begun. Start the service.")


def _show() -> None:
    import anyio

    from adapters.postgres.epoch import read_epochs

    with operator_dsn() as dsn:
        epochs = anyio.run(read_epochs, dsn)
    for number, one in enumerate(epochs):
        mark = "now" if number == 0 else "   "
        click.echo(f"{mark}  {one.name}  {one.started_at:%Y-%m-%d %H:%M:%S} UTC  {one.reason}")
