"""Turnlog through its real use case: load, decide, append, evolve, for N conversations at once.

`turnlog` is without HTTP, sockets and projections, which the peers have not either. `service` is the whole service as
it is wired, where the feed, the hub and the projections follow in the same process.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from uuid_utils import uuid7

from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Source
from app.aggregates import AggregateCache
from app.histories import Histories
from app.principal import ANYBODY
from app.settings import Settings
from app.use_cases.run_command import CommandRequest, RunCommand, command_request
from app.wiring import open_service
from benchmarks import payload
from benchmarks.closed_loop import Append, closed_loop
from benchmarks.measurement import Measurement
from benchmarks.subject import Subject
from benchmarks.subjects.appender import prepare, running_appender, with_batch_size
from domain.conversation.commands import (
    Command,
    CompleteResponse,
    StartConversation,
    StartResponse,
    SubmitUserMessage,
)
from domain.errors import Overloaded
from domain.ids import CommandId, ConversationId

TURNS_OF_A_CONVERSATION: Final = 20
MILLISECONDS_PER_SECOND: Final = 1_000
TEXT: Final = str(payload.EVENT["content"])


def subject() -> Subject:
    return Subject(name="turnlog", callers_are="conversations", prepare=prepare, measure=_measure)


def whole_service() -> Subject:
    return Subject(name="service", callers_are="conversations", prepare=prepare, measure=_measure_service)


async def _measure(dsn: str, callers: int, seconds: float) -> Measurement:
    return await with_batch_size(dsn, await through_use_case(dsn, callers, seconds))


async def _measure_service(dsn: str, callers: int, seconds: float) -> Measurement:
    async with open_service(Settings(), dsn) as parts:
        measured = await _loop(parts.service.run_command, callers, seconds)
    return await with_batch_size(dsn, measured)


async def through_use_case(dsn: str, callers: int, seconds: float) -> Measurement:
    """Without a look at what is stored afterwards, which takes long where there is much."""
    async with use_case(dsn) as run_command:
        return await _loop(run_command, callers, seconds)


@asynccontextmanager
async def use_case(dsn: str) -> AsyncIterator[RunCommand]:
    """With the connections and the limits that the service has."""
    settings = Settings()
    cache = AggregateCache(settings.aggregate_cache_max_count, settings.aggregate_cache_max_bytes)
    async with running_appender(dsn) as appender, read_pool(dsn, settings.read_pool_max_connections) as pool:
        store = PostgresEventStore(appender, pool)
        yield RunCommand(store, Histories(store), cache, SystemClock(), Uuid7Source())


async def _loop(run_command: RunCommand, callers: int, seconds: float) -> Measurement:
    return await closed_loop([caller(run_command) for _ in range(callers)], seconds)


def caller(run_command: RunCommand) -> Append:
    """One conversation after another, each from its start through its turns; every command is one event."""
    steps = _steps()
    request = next(steps)

    async def append() -> bool:
        nonlocal request
        try:
            await run_command(request)
        except Overloaded as refused:
            await asyncio.sleep(refused.retry_after_ms / MILLISECONDS_PER_SECOND)
            return False
        request = next(steps)
        return True

    return append


def _steps() -> Iterator[CommandRequest]:
    turn: tuple[Command, ...] = (
        SubmitUserMessage(content=TEXT, language="en", confidence=0.97),
        StartResponse(model="model-1", provider="provider-1"),
        CompleteResponse(content=TEXT, finish_reason="stop"),
    )
    start = StartConversation(user_id="user-1", channel="voice", language="en")
    while True:
        conversation_id = ConversationId(str(uuid7()))
        for command in (start, *(turn * TURNS_OF_A_CONVERSATION)):
            command_id = CommandId(str(uuid7()))
            yield command_request(ANYBODY, conversation_id, command, command_id=command_id)
