"""Turnlog's appender by itself, without cache, decision or folding: what the use case can reach at most."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from psycopg import AsyncConnection
from uuid_utils import uuid7

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.migrate import migrate
from adapters.postgres.roles import role_to_act_as
from benchmarks import payload, sql
from benchmarks.closed_loop import Append, closed_loop
from benchmarks.measurement import Measurement
from benchmarks.subject import Subject
from domain import ports
from domain.conversation.events import MessageRecorded
from domain.envelope import Actor, Origin
from domain.ids import DEFAULT_TENANT, CommandId, ConversationId, EventId, MessageId

ACTOR: Final = Actor(type="user", id="user-1")


def subject() -> Subject:
    return Subject(name="appender", callers_are="callers", prepare=prepare, measure=_measure)


async def prepare(dsn: str) -> None:
    await migrate(dsn)


async def with_batch_size(dsn: str, measured: Measurement) -> Measurement:
    """Read from the stored rows, so that nothing has to count while it is measured."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(sql.text_of("batch_size.sql"))
        found = await cursor.fetchone()
    assert found is not None
    event_bytes, batch_size = found
    return replace(measured, event_bytes=event_bytes, batch_size=batch_size)


async def _measure(dsn: str, callers: int, seconds: float) -> Measurement:
    async with running_appender(dsn) as appender:
        measured = await closed_loop([_caller(appender) for _ in range(callers)], seconds)
    return await with_batch_size(dsn, measured)


@asynccontextmanager
async def running_appender(dsn: str) -> AsyncIterator[BatchingAppender]:
    """On a connection of the service: in its role, with its waits."""
    limits = AppendLimits()
    role = await role_to_act_as(dsn)
    service_dsn = service_conninfo(dsn, statement_timeout_s=limits.statement_timeout_s, role=role)
    appender = BatchingAppender(service_dsn, limits)
    task = asyncio.create_task(appender.run())
    try:
        yield appender
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _caller(appender: BatchingAppender) -> Append:
    """A conversation of rising versions. The first is the message already: this store knows no order of events."""
    conversation_id, version = ConversationId(str(uuid7())), 0

    async def append() -> bool:
        nonlocal version
        await appender.append(_next_append(conversation_id, version))
        version += 1
        return True

    return append


def _next_append(conversation_id: ConversationId, version: int) -> ports.Append:
    new_id = str(uuid7())
    event = MessageRecorded(message_id=MessageId(new_id), role="user", content=str(payload.EVENT["content"]))
    origin = Origin(command_id=CommandId(new_id), occurred_at=datetime.now(UTC), actor=ACTOR, digest="")
    return ports.Append(DEFAULT_TENANT, conversation_id, version, origin, (event,), (EventId(new_id),))
