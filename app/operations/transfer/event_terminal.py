"""Transfers of events as somebody at a terminal sees them: files, progress, report, exit status."""

from functools import partial
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from adapters.codec.events import decode
from adapters.postgres.transfer_events import event_intake, stored_history
from adapters.system.clock import SystemClock
from app.operations.transfer.event_lines import BadEventFile, read_events
from app.operations.transfer.export_events import export_events
from app.operations.transfer.files import STANDARD_OUTPUT, input_file, output_file
from app.operations.transfer.import_events import Checked, ImportedEvents, check_events, import_events, sentence_of
from app.operations.transfer.progress import TransferProgress, is_output_a_terminal, tell
from app.ports import EventSelection, TakenOver

CONFLICTS: Final = 1


def export_events_to(path: Path, dsn: str, selection: EventSelection) -> None:
    """Write the chosen events, and say how many there were.

    Raises:
        OSError: the file cannot be written.
        StoreUnavailable: the database went away.
    """
    is_shared = path == STANDARD_OUTPUT and is_output_a_terminal()
    with output_file(path) as out, TransferProgress("Exporting", "events", is_shared=is_shared) as progress:

        def on_page(count: int, position: int, until_position: int) -> None:
            done, total = position - selection.since_position, until_position - selection.since_position
            progress.advance(count, done, total)

        async def run() -> int:
            async with stored_history(dsn) as history:
                return await export_events(history, selection, out, SystemClock(), on_page)

        count = uvloop.run(run())
    tell(f"{count:,} events exported.")


def check_events_of(path: Path, *, allow_unknown: bool) -> None:
    """Read the file from end to end, and say what it holds. Raises as `import_events_from`."""
    with TransferProgress("Checking", "events") as progress:
        checked = _check(path, progress, allow_unknown=allow_unknown)
    tell(f"{path} is whole and unchanged: {checked.events:,} events, {checked.unknown_events:,} of a newer release.")


def import_events_from(path: Path, dsn: str, *, allow_unknown: bool) -> int:
    """Check the file, take it in, and report. The exit status.

    Raises:
        BadEventFile: nothing was stored, unless the file was changed while it was read.
        OSError: the file cannot be read.
        StoreUnavailable, NotTheOwner: it goes on where it was when it is run again.
    """
    if not path.is_file():
        raise BadEventFile("It is read twice, to be checked before anything is stored: give a file and not a pipe.")
    with TransferProgress("Checking", "events") as progress:
        checked = _check(path, progress, allow_unknown=allow_unknown)
        progress.begin("Importing", checked.events)
        report = uvloop.run(_import(path, dsn, progress))
    _report(report, checked)
    return CONFLICTS if report.conflicts else 0


def _check(path: Path, progress: TransferProgress, *, allow_unknown: bool) -> Checked:
    with input_file(path) as lines:
        return check_events(lines, decode, progress.advance, allow_unknown=allow_unknown)


async def _import(path: Path, dsn: str, progress: TransferProgress) -> ImportedEvents:
    async with event_intake(dsn) as intake:
        with input_file(path) as lines:
            on_conflict = partial(_name_conflict, progress)
            return await import_events(read_events(lines), intake, progress.advance, on_conflict)


def _name_conflict(progress: TransferProgress, taken: TakenOver) -> None:
    progress.say(sentence_of(taken))


def _report(report: ImportedEvents, checked: Checked) -> None:
    console = Console(highlight=False)
    console.print(f"events read       {report.read:>12,}")
    console.print(f"added             {report.added:>12,}")
    console.print(f"already there     {report.present:>12,}")
    console.print(f"conflicting       {report.conflicting:>12,}  in {len(report.conflicts):,} conversations")
    if checked.unknown_events:
        console.print(f"of a newer release{checked.unknown_events:>12,}  taken over unread")
