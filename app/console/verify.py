"""`turnlog verify`."""

import sys

import click

from app.console.operator import operator_dsn


@click.command()
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="About N conversations, chosen at random.")
@click.option("--conversation", type=click.UUID, metavar="ID", help="Only this one.")
@click.option("--show-content", is_flag=True, help="Show what people said, where that is what differs.")
@click.option("--json", "as_json", is_flag=True, help="The findings as one JSON object.")
def verify(*, sample: int | None, conversation: object, show_content: bool, as_json: bool) -> None:
    """Prove that the read tables say what the events say.

    The rows of every conversation are compared with its events, projected anew and folded by the domain, as far as the
    tables have come at that moment; the service may be running. Prints the first difference. The status is 1 when
    anything differs.

    \b
    Examples:
      turnlog verify                    everything
      turnlog verify --sample 1000      in seconds, for a cron job
    """
    if sample is not None and conversation is not None:
        raise click.UsageError("--sample and --conversation exclude each other.")

    from adapters.postgres.evidence import postgres_evidence
    from app.operations.verify.terminal import CannotVerify, Options, run_verification
    from domain.ids import ConversationId

    options = Options(
        sample=sample,
        conversation_id=None if conversation is None else ConversationId(str(conversation)),
        with_content=show_content,
        as_json=as_json,
    )
    with operator_dsn() as dsn:
        try:
            status = run_verification(postgres_evidence(dsn), options)
        except CannotVerify as error:
            raise click.ClickException(str(error)) from error
    sys.exit(status)
