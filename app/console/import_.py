"""`turnlog import`: conversations from files, into the event store."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.console.operator import operator_dsn

input_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("import")
def import_() -> None:
    """Take conversations in from files. What is there already stays as it is, so running it again adds nothing."""


@import_.command()
@input_argument
@click.option("--allow-unknown", is_flag=True, help="Also events of a newer release, which this one cannot read.")
def events(file: Path, *, allow_unknown: bool) -> None:
    """Take over an export of events as it is: same ids, versions, times and bytes; only the positions are new.

    FILE is what `turnlog export events` wrote, compressed or not. It is checked from end to end before anything is
    stored. Conversations that the database has with another history are named and left alone; all others are taken.
    A service may run beside it and shows what comes. Cut off in the middle, it is finished by running it again.

    The status is 1 when a conversation was left alone.

    \b
    Example:
      turnlog import events events.jsonl.gz
    """
    from app.transfer.event_lines import BadEventFile
    from app.transfer.terminal import import_events_from

    with operator_dsn() as dsn, _reading(file):
        try:
            sys.exit(import_events_from(file, dsn, allow_unknown=allow_unknown))
        except BadEventFile as error:
            raise click.ClickException(f"{file}: {error}") from error


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """What stands in the way ends the command with its sentence."""
    from domain.errors import TurnlogError

    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    except TurnlogError as error:
        raise click.ClickException(f"{error} What was taken in stays: run the same command to go on.") from error
