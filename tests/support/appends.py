"""Appends for the tests of the store, and an appender to send them to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from uuid_utils import uuid7

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from domain.conversation.events import Event, MessageRecorded
from domain.envelope import Actor, Origin
from domain.ids import DEFAULT_TENANT, CommandId, ConversationId, EventId, MessageId, TenantId
from domain.ports import Append

NOON: Final = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def new_id() -> str:
    """A UUIDv7 in canonical text."""
    return str(uuid7())


def new_conversation() -> ConversationId:
    """The id of a conversation that nobody has."""
    return ConversationId(new_id())


def message(content: str = "hello") -> Event:
    """An event that may stand anywhere, also first, as far as the store is concerned."""
    return MessageRecorded(message_id=MessageId(new_id()), role="user", content=content)


def an_append(
    conversation_id: str | None = None,
    expected_version: int = 0,
    *,
    events: Sequence[Event] | None = None,
    command_id: str | None = None,
    tenant_id: str | None = None,
) -> Append:
    """One attempt to append, with new event ids."""
    events = (message(),) if events is None else tuple(events)
    origin = Origin(command_id=CommandId(command_id or new_id()), occurred_at=NOON, actor=Actor(), digest="")
    return Append(
        TenantId(tenant_id or DEFAULT_TENANT),
        ConversationId(conversation_id or new_id()),
        expected_version,
        origin,
        tuple(events),
        tuple(EventId(new_id()) for _ in events),
    )


@asynccontextmanager
async def running(appender: BatchingAppender) -> AsyncIterator[BatchingAppender]:
    """The appender with its task, which is cancelled at the end."""
    task = asyncio.create_task(appender.run())
    try:
        yield appender
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def running_appender(dsn: str, **limits: float) -> AsyncIterator[BatchingAppender]:
    """An appender on this database; `limits` are fields of `AppendLimits`."""
    async with running(BatchingAppender(dsn, AppendLimits(**limits))) as appender:  # type: ignore[arg-type] # mixed
        yield appender
