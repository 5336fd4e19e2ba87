"""Transfers of what was said, as somebody at a terminal sees them: files, progress, report, exit status."""

from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from adapters.postgres.transfer_rows import StoredRows, Table, stored_rows
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Source
from app.operations.transfer.conversation_writer import ConversationWriter
from app.operations.transfer.export_chats import export_chats
from app.operations.transfer.files import STANDARD_OUTPUT, input_file, output_file
from app.operations.transfer.import_chats import BadLine, ChatImport
from app.operations.transfer.opening import open_event_store
from app.operations.transfer.progress import TransferProgress, is_output_a_terminal, tell
from app.ports import RowSelection
from domain.envelope import Actor
from domain.ids import TenantId

IMPORTER: Final = Actor(type="system", id="import")
NOT_ALL: Final = 1


def export_chats_to(path: Path, dsn: str, selection: RowSelection, *, only_messages: bool) -> None:
    """Write the chosen conversations, and say how many there were.

    Raises:
        OSError: the file cannot be written.
        StoreUnavailable: the database went away.
    """
    with output_file(path) as out, _export_progress(path, "conversations") as progress:

        async def run() -> int:
            async with stored_rows(dsn) as rows:
                await _warn_when_behind(rows, progress)
                return await export_chats(rows, selection, out, progress.advance, only_messages=only_messages)

        count = uvloop.run(run())
    tell(f"{count:,} conversations exported.")


def export_csv_to(path: Path, dsn: str, table: Table, selection: RowSelection) -> None:
    """Write the chosen rows of a read table. Raises as `export_chats_to`."""
    with output_file(path) as out, _export_progress(path, "bytes") as progress:

        async def run() -> None:
            async with stored_rows(dsn) as rows:
                await _warn_when_behind(rows, progress)
                async for piece in rows.csv(table, selection):
                    out.write(piece)
                    progress.advance(len(piece))
            out.flush()

        uvloop.run(run())


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


def _export_progress(path: Path, unit: str) -> TransferProgress:
    return TransferProgress("Exporting", unit, is_shared=path == STANDARD_OUTPUT and is_output_a_terminal())


async def _warn_when_behind(rows: StoredRows, progress: TransferProgress) -> None:
    missing = await rows.missing_positions()
    if missing > 0:
        progress.say(
            f"The read tables are up to {missing:,} events behind. They follow while a service runs: start one with "
            "`turnlog serve`, and export again."
        )


async def _import(run: ChatImport, path: Path, dsn: str) -> None:
    async with open_event_store(dsn) as store:
        with input_file(path) as lines:
            await run.run(lines, ConversationWriter(store, Uuid7Source(), IMPORTER))


def _count_lines(path: Path) -> int | None:
    """None for a pipe, which can be read only once."""
    if not path.is_file():
        return None
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
