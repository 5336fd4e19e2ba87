"""`turnlog projections`."""

import sys

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

    from adapters.postgres.projection_overview import projection_overview
    from app.operations.projection_report import CannotTell, print_overview

    with operator_dsn() as dsn:
        try:
            print_overview(projection_overview(dsn), as_json=as_json)
        except CannotTell as error:
            raise click.ClickException(str(error)) from error


@projections.command()
@click.argument("conversation", required=False)
@click.option("--json", "as_json", is_flag=True, help="The outcome as one JSON object.")
def redrive(conversation: str | None, *, as_json: bool) -> None:
    """Bring parked conversations up to where all others are, now that what stopped them is repaired.

    Each is projected anew from its first event, and its rows are replaced at once; a service that runs on the database
    goes on meanwhile and takes it over. What cannot be projected yet stays parked with its rows as they were. A service
    tries all of them by itself once, when it takes the lead, so after an upgrade there is nothing to do.

    \b
    Examples:
      turnlog projections redrive                                        all that are parked
      turnlog projections redrive 0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00
    """
    from app.operations.redrive_report import CannotRedrive, run_redrive

    with operator_dsn() as dsn:
        try:
            status = run_redrive(dsn, conversation, as_json=as_json)
        except CannotRedrive as error:
            raise click.ClickException(str(error)) from error
    sys.exit(status)
