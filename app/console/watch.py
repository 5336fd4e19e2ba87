"""`turnlog watch`: a conversation, or all of them, as they happen."""

import sys
from typing import Any

import click

from app.console.service_url import url_option


class ReplaySpeed(click.ParamType[str]):
    """A factor, or `max`, as the service takes it."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            is_usable = value == "max" or 0.1 <= float(value) <= 1_000
        except ValueError:
            is_usable = False
        if not is_usable:
            self.fail(f"{value!r} is neither max nor a number from 0.1 to 1000.", param, ctx)
        return value if value == "max" else f"{float(value):g}"


@click.command()
@click.argument("conversation", required=False, metavar="[CONVERSATION]")
@url_option
@click.option("--after", type=click.IntRange(min=0), metavar="SEQ", help="First what came after this seq (position).")
@click.option(
    "--replay", type=ReplaySpeed(), metavar="N|max", help="Not live: what has happened, again, N times as fast."
)
@click.option("--until", type=click.IntRange(min=1), metavar="SEQ", help="Of a replay, the seq that it ends with.")
@click.option(
    "--max-pause",
    type=click.FloatRange(0, 3_600),
    metavar="SECONDS",
    help="Of a replay: longer pauses count as so long, before N divides them. Default: 5.",
)
@click.option("--user", metavar="ID", help="Of all conversations, only those of this user.")
@click.option("--state", metavar="STATE", help="Of all conversations, only while they are in this state.")
@click.option("--type", "message_type", metavar="TYPE", help="Of all conversations, only messages of this type.")
@click.option(
    "--interims", is_flag=True, help="Interim texts too where they cannot replace each other in place, as in a file."
)
@click.option("--json", "as_json", is_flag=True, help="Every frame as it comes, one a line.")
@click.option("--no-color", is_flag=True, help="Without colours; NO_COLOR does the same.")
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a service that goes away is waited for.",
)
@click.option(
    "--linger",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long after its end late messages of a conversation are waited for.",
)
def watch(
    conversation: str | None,
    *,
    url: str,
    after: int | None,
    replay: str | None,
    until: int | None,
    max_pause: float | None,
    user: str | None,
    state: str | None,
    message_type: str | None,
    interims: bool,
    as_json: bool,
    no_color: bool,
    patience: float,
    linger: float,
) -> None:
    """Watch a conversation live, or without CONVERSATION all of them.

    Shows what was said last, then every change of state and every message as it happens; at a terminal, words appear in
    the lowest lines while they are spoken. A connection that is lost is resumed where it broke off, and a line says
    whether anything was missed. It is over when the conversation has ended, or with Ctrl-C (status 130).

    With --replay a conversation is shown as it was, with the pauses of then divided by N; those of more than 5 s count
    as 5 s, or as --max-pause says.

    \b
    Examples:
      turnlog watch 0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00
      turnlog watch 0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00 --replay 10
      turnlog watch --state SPEAKING
      turnlog watch --json | jq .payload.text
    """
    filters = {"user_id": user, "state": state and state.upper(), "type": message_type}
    given = {name: value for name, value in filters.items() if value is not None}
    if conversation is not None and given:
        raise click.UsageError("--user, --state and --type choose among all conversations: leave CONVERSATION out.")
    if conversation is None and replay is not None:
        raise click.UsageError("--replay is of one conversation: give its id as CONVERSATION.")
    if replay is None and (until is not None or max_pause is not None):
        raise click.UsageError("--until and --max-pause are of a replay: add --replay 1, or another speed.")

    from app.watch.options import Options
    from app.watch.terminal import CannotWatch
    from app.watch.terminal import watch as watch_at_terminal

    options = Options(
        url=url,
        conversation_id=conversation,
        after=after,
        filters=given,
        patience_s=patience,
        linger_s=linger,
        with_interims=interims,
        with_color=not no_color,
        as_json=as_json,
        replay=replay,
        until=until,
        max_pause_s=max_pause,
    )
    try:
        sys.exit(watch_at_terminal(options))
    except CannotWatch as error:
        raise click.ClickException(str(error)) from error
