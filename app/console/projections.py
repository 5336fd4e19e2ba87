"""`turnlog projections`."""

import click

from app.console.operator import operator_dsn


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@click.pass_context
def projections(context: click.Context, *, as_json: bool) -> None:
    """Show how far the read tables are, and what stands in their way.

    Position and lag, the last sign of life of whoever writes them, the numbered tables behind the views, a rebuild that
    is under way, and the conversations that are parked because one of their events cannot become rows.

    \b
    Examples:
      turnlog projections
      turnlog projections --json | jq .lag_events
    """
    if context.invoked_subcommand is not None:
        return

    from app.projection_report import CannotTell, print_overview

    with operator_dsn() as dsn:
        try:
            print_overview(dsn, as_json=as_json)
        except CannotTell as error:
            raise click.ClickException(str(error)) from error
