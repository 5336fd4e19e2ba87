"""Writers that hold conversations through the real use case and log what they are told, for the history checker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, cycle

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Source
from app.aggregates import AggregateCache
from app.histories import Histories
from app.principal import Principal
from app.use_cases.run_command import RunCommand, command_request
from domain.conversation import commands as c
from domain.envelope import Actor
from domain.errors import OutcomeUnknown, Overloaded, StoreUnavailable
from domain.ids import DEFAULT_TENANT, CommandId, ConversationId
from tests.support.appends import new_id, running
from tests.support.history import HistoryLog

PRINCIPAL = Principal(tenant_id=DEFAULT_TENANT, actor=Actor(id="writer"))


@asynccontextmanager
async def running_use_case(dsn: str, limits: AppendLimits) -> AsyncIterator[RunCommand]:
    """The use case on its own appender and pool, as a process has it."""
    conninfo = service_conninfo(dsn, statement_timeout_s=limits.statement_timeout_s, role=None)
    async with running(BatchingAppender(conninfo, limits)) as appender, read_pool(conninfo, 8) as pool:
        store = PostgresEventStore(appender, pool)
        yield RunCommand(store, Histories(store), AggregateCache(100, 2**20), SystemClock(), Uuid7Source())


def dialogue() -> Iterator[c.Command]:
    """A conversation that never ends."""
    yield c.StartConversation()
    numbers = count(1)
    for command_type in cycle((c.StartListening, c.SubmitUserMessage, c.StartResponse, c.CompleteResponse)):
        if command_type in (c.SubmitUserMessage, c.CompleteResponse):
            yield command_type(content=f"message {next(numbers)}")
        else:
            yield command_type()


class Writer:
    """Holds one conversation until it is stopped; sends a command again, with its id, until its outcome is known."""

    def __init__(self, run_command: RunCommand, log: HistoryLog) -> None:
        self._run_command = run_command
        self._log = log
        self._conversation_id = ConversationId(new_id())
        self.acknowledged = 0
        self.is_stopped = False

    async def run(self) -> None:
        """Returns after the command during which it was stopped is known."""
        for command in dialogue():
            if self.is_stopped:
                return
            await self._send(command, CommandId(new_id()))

    async def _send(self, command: c.Command, command_id: CommandId) -> None:
        """Raises what is neither a success nor said to pass."""
        request = command_request(PRINCIPAL, self._conversation_id, command, command_id=command_id)
        while True:
            self._log.invoke(self._conversation_id, command_id)
            try:
                result = await self._run_command(request)
            except OutcomeUnknown as unknown:
                self._log.unknown(self._conversation_id, command_id, unknown.code)
            except (StoreUnavailable, Overloaded) as refused:
                self._log.fail(self._conversation_id, command_id, refused.code)
            else:
                self._log.ok(self._conversation_id, command_id, [event.version for event in result.events])
                self.acknowledged += 1
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def writing(run_command: RunCommand, log: HistoryLog, count: int) -> AsyncIterator[list[Writer]]:
    """So many writers at work; at the end they finish what they have begun."""
    writers = [Writer(run_command, log) for _ in range(count)]
    tasks = [asyncio.ensure_future(writer.run()) for writer in writers]
    try:
        yield writers
    finally:
        for writer in writers:
            writer.is_stopped = True
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
