"""`turnlog import`: conversations from files, into the event store."""

import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.console.import_legacy import legacy
from app.console.operator import operator_dsn
from app.console.transfer_options import Uuid

INTERRUPTED = 130

input_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("import")
def import_() -> None:
    """Take conversations in from files. What is there already stays as it is, so running it again adds nothing."""


@import_.command()
@input_argument
@click.option("--allow-unknown", is_flag=True, help="Also events of a newer release, which this one cannot read.")
@click.option("--check-only", is_flag=True, help="Read and check the file, and store nothing. Needs no database.")
def events(file: Path, *, allow_unknown: bool, check_only: bool) -> None:
    """Take over an export of events as it is: same ids, versions, times and bytes; only the positions are new.

    FILE is what `turnlog export events` wrote, compressed or not. It is checked from end to end before anything is
    stored. Conversations that the database has with another history are named and left alone; all others are taken.
    A service may run beside it and shows what comes. Cut off in the middle, it is finished by running it again.

    The status is 1 when a conversation was left alone.

    \b
    Examples:
      turnlog import events events.jsonl.gz
      turnlog import events events.jsonl.gz --check-only
    """
    from app.operations.transfer.event_terminal import check_events_of, import_events_from

    if check_only:
        with _reading(file):
            check_events_of(file, allow_unknown=allow_unknown)
        return
    with operator_dsn() as dsn, _reading(file):
        sys.exit(import_events_from(file, dsn, allow_unknown=allow_unknown))


@import_.command()
@input_argument
@click.option("--tenant", type=Uuid(), metavar="ID", help="Whose conversations they become. Default: the one there is.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be taken in.")
def chats(file: Path, *, tenant: str | None, strict: bool) -> None:
    """Take in chats, one conversation a line, as if they were held here.

    A line is {"messages": [{"role": ..., "content": ...}, ...]}, or the list alone. Beside the messages it may have id
    (or conversation_id), user_id, agent, channel, language, metadata, created_at, ended_at and ended_reason; a message
    may have id, created_at (or timestamp), metadata, audio_url, usage and tool_calls. Roles are user, assistant, tool,
    system and developer; human, agent and bot are understood. What has no time is said at the speed of speech.

    Every line goes through the rules of conversations: one that breaks a rule is named and left out, the others are
    taken in. Ids come from the file or its content, so running it again adds nothing; a line that was changed since is
    named, and what is there stays. The status is 1 when a line was not taken in.

    \b
    Examples:
      turnlog import chats chats.jsonl
      turnlog import chats chats.jsonl.gz --strict
    """
    from app.operations.transfer.chat_terminal import import_chats_from
    from domain.ids import DEFAULT_TENANT, TenantId

    tenant_id = TenantId(tenant) if tenant else DEFAULT_TENANT
    with operator_dsn() as dsn, _reading(file):
        sys.exit(import_chats_from(file, dsn, tenant_id, is_strict=strict))


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """What stands in the way ends the command with its sentence."""
    from app.operations.transfer.event_lines import BadEventFile
    from domain.errors import TurnlogError

    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped. What was taken in stays: run the same command to go on.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BadEventFile as error:
        raise click.ClickException(f"{file}: {error}") from error
    except (EOFError, zlib.error) as error:
        raise click.ClickException(f"{file} is compressed and breaks off or is damaged.") from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}.") from error
    except TurnlogError as error:
        raise click.ClickException(f"{error} What was taken in stays: run the same command to go on.") from error


import_.add_command(legacy)
