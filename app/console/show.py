"""`turnlog show`: a conversation of a running service, as it is or as it was."""

from datetime import datetime
from typing import Any

import click

from app.console.service_url import url_option


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; without an offset, in the time of this place."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return datetime.fromisoformat(str(value)).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time such as 2026-05-04T12:00:00 or 2026-05-04T10:00:00Z.", param, ctx)


@click.command()
@click.argument("conversation")
@url_option
@click.option(
    "--at-version", type=click.IntRange(1, 2**63 - 1), metavar="N", help="As it was after its first N events."
)
@click.option("--at", type=Moment(), metavar="TIME", help="As it was before the first event that occurred later.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the conversation and its events.")
@click.option("--no-color", is_flag=True, help="Without colours; NO_COLOR does the same.")
def show(
    conversation: str, *, url: str, at_version: int | None, at: datetime | None, as_json: bool, no_color: bool
) -> None:
    """Show CONVERSATION, as it is or as it was: who, when, and every event with what it made of the state.

    Each line has the time since the beginning, the version, the move from state to state, and what was said or done. At
    the end stands the state that it led to, and which commands are legal in it.

    \b
    Examples:
      turnlog show 0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00
      turnlog show 0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00 --at-version 5
      turnlog show 0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00 --at 2026-05-04T12:00:00 --json | jq .conversation.state
    """
    if at is not None and at_version is not None:
        raise click.UsageError("--at and --at-version exclude each other.")

    from app.show.options import Options
    from app.show.service import CannotShow
    from app.show.terminal import show as show_at_terminal

    options = Options(
        url=url,
        conversation_id=conversation,
        at_version=at_version,
        at=at,
        with_color=not no_color,
        as_json=as_json,
    )
    try:
        show_at_terminal(options)
    except CannotShow as error:
        raise click.ClickException(str(error)) from error
