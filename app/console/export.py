"""`turnlog export`: what the store holds, as files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import click

from app.console.operator import operator_dsn
from app.console.transfer_options import (
    Moment,
    conversation_option,
    output_option,
    row_options,
    selection_of,
    tenant_option,
)


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
    from app.operations.transfer.event_terminal import export_events_to
    from app.ports import EventSelection
    from domain.ids import ConversationId, TenantId

    selection = EventSelection(
        conversation_ids=tuple(ConversationId(id_) for id_ in conversations),
        tenant_id=TenantId(tenant) if tenant else None,
        ended_before=ended_before,
        since_position=since_position,
    )
    with operator_dsn() as dsn, _writing(output):
        export_events_to(output, dsn, selection)


@export.command()
@row_options
@click.option("--only-messages", is_flag=True, help="Nothing but roles and contents, as tools for fine-tuning take it.")
@output_option
def chats(*, only_messages: bool, output: Path, **chosen: Any) -> None:
    """Write what was said, one conversation a line, for evaluations, fine-tuning or `turnlog import chats`.

    A line is {"messages": [{"role", "content", ...}], "id", "user_id", "started_at", ...}, with the texts as they were
    corrected. Of an answer that was interrupted, content is what was generated and heard_text what was heard.

    \b
    Examples:
      turnlog export chats -o chats.jsonl.gz --since 2026-07-01
      turnlog export chats --user ada --only-messages
    """
    from app.operations.transfer.chat_terminal import export_chats_to

    with operator_dsn() as dsn, _writing(output):
        export_chats_to(output, dsn, selection_of(**chosen), only_messages=only_messages)


format_option = click.option(
    "--format", "_format", type=click.Choice(["csv"]), default="csv", show_default=True, help="Of the file."
)


@export.command()
@row_options
@format_option
@output_option
def sessions(*, _format: str, output: Path, **chosen: Any) -> None:
    """Write the table of conversations as CSV, one row for each.

    With a header; times are RFC 3339 in UTC, metadata is JSON, and what is null is empty.

    \b
    Example:
      turnlog export sessions --format csv -o sessions.csv
    """
    _export_csv("sessions", output, chosen)


@export.command()
@row_options
@format_option
@output_option
def messages(*, _format: str, output: Path, **chosen: Any) -> None:
    """Write the table of messages as CSV, one row for each.

    With a header; times are RFC 3339 in UTC, metadata is JSON, and what is null is empty.

    \b
    Example:
      turnlog export messages --format csv --since 2026-07-01 -o messages.csv.gz
    """
    _export_csv("messages", output, chosen)


def _export_csv(table: Literal["sessions", "messages"], output: Path, chosen: dict[str, Any]) -> None:
    from app.operations.transfer.chat_terminal import export_csv_to

    with operator_dsn() as dsn, _writing(output):
        export_csv_to(output, dsn, table, selection_of(**chosen))


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
        raise click.ClickException(f"{output} cannot be written: {error.strerror or error}.") from error
    except TurnlogError as error:
        raise click.ClickException(str(error)) from error
