"""`turnlog export`: what the store holds, as files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from app.console.operator import operator_dsn
from app.console.transfer_options import Moment, conversation_option, output_option, tenant_option


@click.group()
def export() -> None:
    """Write conversations to files: their events, or what was said."""


@export.command()
@conversation_option
@tenant_option
@click.option(
    "--ended-before", type=Moment(), metavar="TIME", help="Only conversations that had ended by then, as 2026-07-01."
)
@click.option(
    "--since-position",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Only events after this position: what an earlier export, up to its `until_position`, does not have.",
)
@output_option
def events(
    *,
    conversations: tuple[str, ...],
    tenant: str | None,
    ended_before: datetime | None,
    since_position: int,
    output: Path,
) -> None:
    """Write the history of events, byte for byte, for `turnlog import events`.

    One JSON object a line: a header, the events in the order in which they were stored, and a last line with their
    number and a checksum, without which a file counts as cut off. What is stored when the export begins is in it, and
    nothing later. A service may run beside it.

    \b
    Examples:
      turnlog export events -o events.jsonl.gz
      turnlog export events --conversation 0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00
    """
    from app.ports import EventSelection
    from app.transfer.terminal import export_events_to
    from domain.ids import ConversationId, TenantId

    selection = EventSelection(
        conversation_ids=tuple(ConversationId(id_) for id_ in conversations),
        tenant_id=TenantId(tenant) if tenant else None,
        ended_before=ended_before,
        since_position=since_position,
    )
    with operator_dsn() as dsn, _writing(output):
        export_events_to(output, dsn, selection)


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    """What stands in the way of writing ends the command with its sentence."""
    from domain.errors import TurnlogError

    try:
        yield
    except BrokenPipeError:
        # Whoever reads has enough, as `head` has. Python would complain about the rest when it ends.
        sys.stdout = None
        raise click.exceptions.Exit(1) from None
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}.") from error
    except TurnlogError as error:
        raise click.ClickException(str(error)) from error
