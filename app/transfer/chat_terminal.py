"""Transfers of chats as somebody at a terminal sees them: files, progress, report, exit status."""

from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Source
from app.transfer.conversation_writer import ConversationWriter
from app.transfer.files import input_file
from app.transfer.import_chats import BadLine, ChatImport
from app.transfer.opening import open_event_store
from app.transfer.progress import TransferProgress
from domain.envelope import Actor
from domain.ids import TenantId

IMPORTER: Final = Actor(type="system", id="import")
NOT_ALL: Final = 1


def import_chats_from(path: Path, dsn: str, tenant_id: TenantId, *, is_strict: bool) -> int:
    """Take in the chats of the file, and report. The exit status.

    Raises:
        OSError: the file cannot be read.
        StoreError: the database went away; it goes on where it was when it is run again.
    """
    with TransferProgress("Importing", "conversations") as progress:

        def on_bad_line(line: BadLine) -> None:
            progress.say(f"{path}, line {line.number}: {line.reason}")

        progress.begin("Importing", _count_lines(path))
        run = ChatImport(tenant_id, SystemClock().now(), on_bad_line, progress.advance, is_strict=is_strict)
        uvloop.run(_import(run, path, dsn))
    _report(run)
    return NOT_ALL if run.bad_lines or run.tally.different or run.tally.refused else 0


async def _import(run: ChatImport, path: Path, dsn: str) -> None:
    async with open_event_store(dsn) as store:
        with input_file(path) as lines:
            await run.run(lines, ConversationWriter(store, Uuid7Source(), IMPORTER))


def _count_lines(path: Path) -> int:
    with input_file(path) as lines:
        return sum(1 for line in lines if line.strip())


def _report(run: ChatImport) -> None:
    tally = run.tally
    console = Console(highlight=False)
    console.print(f"conversations read {tally.conversations + run.bad_lines:>12,}")
    console.print(f"added              {tally.added:>12,}  with {tally.events_added:,} events")
    console.print(f"already there      {tally.present:>12,}")
    console.print(f"different there    {tally.different:>12,}")
    console.print(f"not acceptable     {tally.refused + run.bad_lines:>12,}")
