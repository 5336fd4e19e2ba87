"""Archiving as somebody at a terminal sees it: a bar, and what came of it."""

from datetime import UTC, datetime

import anyio
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from adapters.postgres.archive import Chosen, MayNotArchive, PostgresArchive
from app.operations.archiving import InvalidAge, archive, ended_before
from app.operations.throttle import Throttle
from domain.errors import StoreUnavailable
from domain.ids import ConversationId, TenantId


class CannotArchive(Exception):
    """It was refused, or the database went away; the sentence says what to do."""


class Options(Struct, frozen=True, kw_only=True):
    """As they were given."""

    ended_before: str
    tenant_id: str | None
    is_dry_run: bool
    max_events_per_s: float | None


def run_archive(dsn: str, options: Options) -> str:
    """What was done, as a sentence. Raises CannotArchive."""
    try:
        time = ended_before(options.ended_before, datetime.now(UTC))
        tenant_id = None if options.tenant_id is None else TenantId(options.tenant_id)
        return anyio.run(_archive, dsn, Chosen(ended_before=time, tenant_id=tenant_id), options)
    except (InvalidAge, MayNotArchive) as error:
        raise CannotArchive(str(error)) from error
    except StoreUnavailable as error:
        raise CannotArchive("The database went away. What was moved stays moved; run the command again.") from error


def run_restore(dsn: str, conversation_id: str) -> str:
    """What was done, as a sentence. Raises CannotArchive."""
    try:
        events = anyio.run(_restore, dsn, ConversationId(conversation_id))
    except MayNotArchive as error:
        raise CannotArchive(str(error)) from error
    except StoreUnavailable as error:
        raise CannotArchive("The database went away, and nothing was moved.") from error
    if not events:
        raise CannotArchive(f"No event of conversation {conversation_id} is in the archive.")
    return f"{events:,} events are back in stored_events."


async def _archive(dsn: str, chosen: Chosen, options: Options) -> str:
    async with PostgresArchive.connected(dsn) as store:
        conversations, events = await store.count(chosen)
        if options.is_dry_run:
            time = f"{chosen.ended_before.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            return f"Would move {events:,} events of {conversations:,} conversations that ended before {time}."
        with _bar() as bar:
            task = bar.add_task("events", total=events)
            moved = await archive(
                store,
                chosen,
                Throttle(options.max_events_per_s),
                lambda _conversations, moved: bar.advance(task, moved),
            )
        return f"Moved {moved[1]:,} events of {moved[0]:,} conversations into archived_events."


async def _restore(dsn: str, conversation_id: ConversationId) -> int:
    async with PostgresArchive.connected(dsn) as store:
        return await store.restore(conversation_id)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
