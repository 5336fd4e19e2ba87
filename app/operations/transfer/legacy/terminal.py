"""An import of older rows as somebody at a terminal sees it: progress, what was put right, exit status."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Final

import uvloop
from msgspec import Struct
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from adapters.postgres.legacy.dump import restore_dump
from adapters.postgres.legacy.errors import LegacyUnreadable
from adapters.postgres.legacy.reading import (
    KeyColumns,
    LegacyTables,
    TableNames,
    legacy_connection,
    reading_tables,
)
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Source
from app.operations.transfer.conversation_writer import ConversationWriter
from app.operations.transfer.legacy.columns import Tables, UnusableTables, tables_of
from app.operations.transfer.legacy.continuing import ContinuingWriter
from app.operations.transfer.legacy.grouping import raw_sessions
from app.operations.transfer.legacy.identity import Identity
from app.operations.transfer.legacy.importing import IMPORTER, Rehearsal, import_sessions
from app.operations.transfer.legacy.mapping import Terms
from app.operations.transfer.legacy.report import Reporter, Summary
from app.operations.transfer.opening import open_event_store
from app.operations.transfer.progress import TransferProgress
from domain.errors import StoreError

LEFT_ALONE: Final = 1
SHOWN_EXAMPLES: Final = 2


class Options(Struct, frozen=True, kw_only=True):
    """What to import, and how. Either `file` is a dump, or `source_dsn` a database."""

    file: Path | None
    source_dsn: str | None
    names: TableNames
    identity: Identity
    zone: tzinfo
    keep_open_for: timedelta
    is_dry_run: bool


class CannotImport(Exception):
    """It went no further; the sentence says why."""


def import_legacy(dsn: str, options: Options) -> Summary:
    """Import, with a bar on standard error.

    Raises:
        CannotImport: the older tables cannot be read, or the store stayed away. What was written stays.
    """
    summary: Summary | None = None
    failures: list[BaseException] = []
    try:
        with TransferProgress("Reading", "rows") as progress:
            summary = uvloop.run(_import(dsn, options, progress))
    except* (LegacyUnreadable, UnusableTables, StoreError) as group:
        failures = _leaves(group)
    if summary is None:
        raise CannotImport(str(failures[0])) from failures[0]
    return summary


async def _import(dsn: str, options: Options, progress: TransferProgress) -> Summary:
    async with _older_tables(dsn, options, progress) as older:
        tables = tables_of(older.session_columns, older.message_columns)
        terms = Terms(
            tables=tables,
            identity=options.identity,
            zone=options.zone,
            keep_open_since=SystemClock().now() - options.keep_open_for,
        )
        reporter = Reporter(tables, is_dry_run=options.is_dry_run)
        progress.begin("Rehearsing" if options.is_dry_run else "Importing", await older.count_rows())
        keys = _keys(tables)
        sessions = raw_sessions(older.sessions(keys), older.messages(keys))
        async with open_event_store(dsn) as store:
            plain = Rehearsal(store) if options.is_dry_run else ConversationWriter(store, Uuid7Source(), IMPORTER)
            writer = ContinuingWriter(plain, store, options.identity, reporter.changed)
            await import_sessions(sessions, terms, writer, reporter, progress.advance)
        return reporter.summary()


@asynccontextmanager
async def _older_tables(dsn: str, options: Options, progress: TransferProgress) -> AsyncIterator[LegacyTables]:
    """The tables of the older database; those of a dump are laid beside ours for as long as the import takes."""
    async with legacy_connection(options.source_dsn or dsn) as connection:
        names = options.names
        if options.file is not None:
            progress.begin("Reading the dump", options.file.stat().st_size)
            names = await restore_dump(connection, options.file, names, progress.advance)
        async with reading_tables(connection, names) as tables:
            yield tables


def _keys(tables: Tables) -> KeyColumns:
    return KeyColumns(
        session_ids=tables.sessions.named("id"),
        session_starts=tables.sessions.named("started_at"),
        message_sessions=tables.messages.named("session_id"),
        # Where there is a number beside the id that clients know, it tells the order.
        message_ids=tables.messages.named("id")[::-1],
        message_users=tables.messages.named("user_id"),
        message_times=tables.messages.named("created_at"),
    )


def _leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    """The exceptions of a group, however deep they are."""
    leaves: list[BaseException] = []
    for one in group.exceptions:
        leaves += _leaves(one) if isinstance(one, BaseExceptionGroup) else [one]
    return leaves


def exit_status(summary: Summary) -> int:
    """0 when everything was taken in or is there already."""
    return LEFT_ALONE if summary.conversations["different"] + summary.conversations["refused"] else 0


def show(summary: Summary) -> None:
    """The report for people."""
    console = Console(highlight=False)
    if summary.dry_run:
        console.print("A rehearsal: nothing was written.", style="bold")
    console.print(f"sessions read     {summary.sessions.rows:>12,}")
    console.print(f"messages read     {summary.messages.rows:>12,}")
    for fate, count in summary.conversations.items():
        console.print(f"{fate.replace('_', ' '):<18}{count:>12,}  conversations")
    console.print(f"events added      {summary.events_added:>12,}")
    _show_repairs(console, summary)
    for name, table in (("sessions", summary.sessions), ("messages", summary.messages)):
        for what, columns in (("kept in the metadata", table.into_metadata), ("not imported", table.left_out)):
            if columns:
                console.print(f"Columns of the {name} {what}: {', '.join(columns)}.", markup=False)
    for left in summary.left_alone:
        console.print(f"Left alone: {left.id}. {left.reason}", markup=False, soft_wrap=True)


def _show_repairs(console: Console, summary: Summary) -> None:
    if not summary.repairs:
        return
    table = Table(Column("Put right by", no_wrap=True), Column("Times", justify="right"), "What is done")
    for repaired in summary.repairs:
        done = Text(repaired.does)
        done.append(f"\nSuch as {', '.join(repaired.examples[:SHOWN_EXAMPLES])}", style="dim")
        table.add_row(repaired.rule, f"{repaired.count:,}", done)
    console.print(table)
