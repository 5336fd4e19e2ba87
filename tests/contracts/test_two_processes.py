"""The use case in two processes on one database: one effect for each command, equal answers, no hole."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.postgres.append_queue import AppendLimits
from app.use_cases.run_command import CommandResult, RunCommand, command_request
from domain.conversation import commands as c
from domain.errors import IdempotencyMismatch
from domain.ids import CommandId, ConversationId
from tests.support.appends import new_conversation, new_id
from tests.support.history import stored_events
from tests.support.writers import PRINCIPAL, running_use_case

Processes = tuple[RunCommand, RunCommand]


@pytest.fixture
async def processes(database: str) -> AsyncIterator[Processes]:
    async with running_use_case(database, AppendLimits()) as one, running_use_case(database, AppendLimits()) as other:
        yield one, other


async def run(
    process: RunCommand, conversation_id: ConversationId, command: c.Command, command_id: str | None = None
) -> CommandResult:
    given = None if command_id is None else CommandId(command_id)
    return await process(command_request(PRINCIPAL, conversation_id, command, command_id=given))


async def test_one_command_sent_fifty_times_at_once_has_one_effect_and_one_answer(
    database: str, processes: Processes
) -> None:
    conversation_id, command_id = new_conversation(), new_id()

    results = await asyncio.gather(
        *[run(process, conversation_id, c.StartConversation(), command_id) for _ in range(25) for process in processes]
    )

    (event,) = stored_events(database)
    assert [result.events for result in results] == [(event,)] * 50
    assert [result.conversation for result in results] == [results[0].conversation] * 50


async def test_the_answer_stays_the_same_after_others_have_written(database: str, processes: Processes) -> None:
    one, other = processes
    conversation_id, command_id = new_conversation(), new_id()
    await run(one, conversation_id, c.StartConversation())
    first = await run(one, conversation_id, c.SubmitUserMessage(content="Hello?"), command_id)
    await run(other, conversation_id, c.StartResponse())

    again = await run(other, conversation_id, c.SubmitUserMessage(content="Hello?"), command_id)

    assert again.replayed
    assert (again.events, again.conversation) == (first.events, first.conversation)


async def test_another_command_under_the_same_id_is_refused(processes: Processes) -> None:
    one, other = processes
    conversation_id, command_id = new_conversation(), new_id()
    await run(one, conversation_id, c.StartConversation(), command_id)

    with pytest.raises(IdempotencyMismatch):
        await run(other, conversation_id, c.EndConversation(), command_id)
    with pytest.raises(IdempotencyMismatch):
        await run(other, new_conversation(), c.StartConversation(), command_id)


async def test_fifty_writers_of_one_conversation_leave_no_hole_and_lose_nothing(
    database: str, processes: Processes
) -> None:
    conversation_id = new_conversation()
    await run(processes[0], conversation_id, c.StartConversation())

    async def writer(number: int) -> None:
        for message in range(4):
            content = f"{number}.{message}"
            await run(processes[number % 2], conversation_id, c.RecordMessage(role="system", content=content))

    await asyncio.gather(*[writer(number) for number in range(50)])

    assert [event.version for event in stored_events(database)] == list(range(1, 202))
