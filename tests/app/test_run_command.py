"""The one way to write. Two `RunCommand` on one store are two processes: neither sees the other's cache."""

from dataclasses import dataclass
from uuid import uuid4

import anyio
import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Source
from app.aggregates import AggregateCache, estimated_bytes
from app.histories import Histories
from app.principal import ANYBODY, Principal
from app.use_cases.run_command import MAX_WAITING_COMMANDS, CommandRequest, CommandResult, RunCommand, command_request
from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.errors import Busy, ConversationNotFound, InvalidTransition
from domain.conversation.transitions import State
from domain.envelope import Actor
from domain.errors import IdempotencyMismatch, Overloaded, VersionConflict
from domain.ids import CommandId, ConversationId, TenantId

SOMEBODY_ELSE = Principal(tenant_id=TenantId(str(uuid4())), actor=Actor())


@dataclass
class Node:
    """One process, as far as commands are concerned."""

    run_command: RunCommand
    aggregates: AggregateCache
    conversation_id: ConversationId

    async def run(self, command: c.Command, command_id: str | None = None, version: int | None = None) -> CommandResult:
        return await self.run_command(self.request(command, command_id, version))

    def request(self, command: c.Command, command_id: str | None, version: int | None) -> CommandRequest:
        given = CommandId(command_id) if command_id else None
        return command_request(ANYBODY, self.conversation_id, command, command_id=given, expected_version=version)


def node(store: MemoryEventStore, conversation_id: ConversationId) -> Node:
    aggregates = AggregateCache(max_count=100, max_bytes=10**6)
    return Node(
        RunCommand(store, Histories(store), aggregates, SystemClock(), Uuid7Source()), aggregates, conversation_id
    )


@pytest.fixture
def nodes() -> tuple[Node, Node]:
    store = MemoryEventStore(SystemClock())
    conversation_id = ConversationId(str(uuid4()))
    return node(store, conversation_id), node(store, conversation_id)


async def test_a_command_is_decided_on_what_another_process_has_stored(nodes: tuple[Node, Node]) -> None:
    # given a conversation that the first process knows as idle
    first, second = nodes
    await first.run(c.StartConversation())
    # when the second submits a message and the first, which has not heard of it, completes the answer
    await second.run(c.SubmitUserMessage(content="hello"))
    result = await first.run(c.CompleteResponse(content="hi"))
    # then the stale state refused nothing
    assert [type(recorded.event) for recorded in result.events] == [e.ResponseCompleted]
    assert result.conversation.version == 3


async def test_a_refusal_holds_on_the_newest_state(nodes: tuple[Node, Node]) -> None:
    # given an answer in the works, of which only one process knows that it is complete
    first, second = nodes
    await first.run(c.StartConversation())
    await first.run(c.SubmitUserMessage(content="hello"))
    await second.run(c.CompleteResponse(content="hi"))
    # when the other, which believes the agent busy, submits a message
    result = await first.run(c.SubmitUserMessage(content="and then?"))
    # then it is not refused as busy
    assert result.conversation.state is State.PROCESSING
    # and what is busy now is refused as such
    with pytest.raises(Busy) as busy:
        await second.run(c.SubmitUserMessage(content="me too"))
    assert busy.value.version == result.conversation.version


async def test_a_repeated_command_gives_its_first_answer(nodes: tuple[Node, Node]) -> None:
    # given a command whose answer was lost, and a conversation that went on
    first, second = nodes
    await first.run(c.StartConversation())
    command_id = str(uuid4())
    original = await first.run(c.SubmitUserMessage(content="hello"), command_id)
    await first.run(c.CompleteResponse(content="hi"))
    # when it is sent again, to any process
    for again in (first, second):
        replayed = await again.run(c.SubmitUserMessage(content="hello"), command_id)
        # then the answer is the first one
        assert replayed.replayed
        assert replayed.events == original.events
        assert replayed.conversation == original.conversation
        assert replayed.position == original.position


async def test_a_repeated_command_with_an_old_expected_version_gives_its_first_answer(nodes: tuple[Node, Node]) -> None:
    first, _ = nodes
    await first.run(c.StartConversation())
    command_id = str(uuid4())
    await first.run(c.StartListening(), command_id, version=1)
    assert (await first.run(c.StartListening(), command_id, version=1)).replayed


@pytest.mark.parametrize("content", ["another text", "hello"])
async def test_a_command_id_stands_for_one_command(nodes: tuple[Node, Node], content: str) -> None:
    # given a command id that was used
    first, _ = nodes
    await first.run(c.StartConversation())
    command_id = str(uuid4())
    await first.run(c.RecordMessage(role="user", content="hello"), command_id)
    # when it comes with another body, or for another conversation
    other = first if content != "hello" else Node(first.run_command, first.aggregates, ConversationId(str(uuid4())))
    if other is not first:
        await other.run(c.StartConversation())
    # then it is refused, and nothing is stored
    with pytest.raises(IdempotencyMismatch):
        await other.run(c.RecordMessage(role="user", content=content), command_id)


async def test_an_expected_version_is_never_redone(nodes: tuple[Node, Node]) -> None:
    # given two processes at version 1, one of which moves on
    first, second = nodes
    await first.run(c.StartConversation())
    await second.run(c.ChangeMetadata(metadata={"plan": "gold"}))
    # when the other asks for version 1
    with pytest.raises(VersionConflict) as conflict:
        await first.run(c.RecordMessage(role="system", content="note"), version=1)
    # then it is told the present one, with which it succeeds, although it may never have seen it
    assert conflict.value.version == 2
    assert (await first.run(c.RecordMessage(role="system", content="note"), version=2)).conversation.version == 3


async def test_fifty_who_only_record_all_succeed(nodes: tuple[Node, Node]) -> None:
    # given two processes that both write to one conversation
    first, _ = nodes
    await first.run(c.StartConversation())
    versions: list[int] = []

    async def record(number: int) -> None:
        result = await nodes[number % 2].run(c.RecordMessage(role="user", content=f"message {number}"))
        versions.append(result.conversation.version)

    # when fifty messages are recorded at once
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(record, number)
    # then each has a version of its own, without holes
    assert sorted(versions) == list(range(2, 52))


async def test_fifty_times_the_same_command_is_one(nodes: tuple[Node, Node]) -> None:
    # given one command id
    first, _ = nodes
    await first.run(c.StartConversation())
    command_id = str(uuid4())
    results: list[CommandResult] = []

    async def submit(number: int) -> None:
        results.append(await nodes[number % 2].run(c.SubmitUserMessage(content="hello"), command_id))

    # when it is sent fifty times at once, to two processes
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(submit, number)
    # then one was carried out, and all have its answer
    assert [result.replayed for result in results].count(False) == 1
    assert all(result.events == results[0].events for result in results)
    assert {result.conversation.version for result in results} == {2}


async def test_too_many_who_wait_for_one_conversation_are_told_at_once(nodes: tuple[Node, Node]) -> None:
    # given a conversation that is held up
    first, _ = nodes
    started = await first.run(c.StartConversation())
    held = first.aggregates.hold(ANYBODY.tenant_id, first.conversation_id)
    overloaded: list[Overloaded] = []

    async def record() -> None:
        try:
            await first.run(c.RecordMessage(role="system", content="note"))
        except Overloaded as error:
            overloaded.append(error)

    # when more commands come than may wait
    async with anyio.create_task_group() as tasks, held.lock:
        for _ in range(MAX_WAITING_COMMANDS + 3):
            tasks.start_soon(record)
        await anyio.wait_all_tasks_blocked()
        # then the surplus has its answer already
        assert [error.retry_after_ms for error in overloaded] == [100, 100, 100]
    # and all who waited were served
    again = await first.run(c.StartListening())
    assert again.conversation.version == started.conversation.version + MAX_WAITING_COMMANDS + 1


async def test_a_wish_that_is_true_already_stores_nothing(nodes: tuple[Node, Node]) -> None:
    first, _ = nodes
    await first.run(c.StartConversation())
    listening = await first.run(c.StartListening())
    again = await first.run(c.StartListening())
    assert again.events == ()
    assert (again.conversation, again.position) == (listening.conversation, listening.position)


async def test_another_tenants_conversation_is_absent(nodes: tuple[Node, Node]) -> None:
    # given a conversation of somebody
    first, _ = nodes
    await first.run(c.StartConversation())
    request = first.request(c.EndConversation(), None, None)
    # when somebody else ends it
    with pytest.raises(ConversationNotFound):
        await first.run_command(
            CommandRequest(
                principal=SOMEBODY_ELSE,
                conversation_id=request.conversation_id,
                body=request.body,
                choose=request.choose,
            )
        )
    # then it lives
    with pytest.raises(InvalidTransition):
        await first.run(c.ResumeSpeech())


async def test_the_cache_forgets_what_is_not_used_and_what_does_not_exist() -> None:
    # given room for two conversations
    store = MemoryEventStore(SystemClock())
    aggregates = AggregateCache(max_count=2, max_bytes=10**6)
    run_command = RunCommand(store, Histories(store), aggregates, SystemClock(), Uuid7Source())
    ids = [ConversationId(str(uuid4())) for _ in range(5)]
    # when five are started, and one is asked for that does not exist
    for conversation_id in ids:
        await run_command(command_request(ANYBODY, conversation_id, c.StartConversation()))
    with pytest.raises(ConversationNotFound):
        await run_command(command_request(ANYBODY, ConversationId(str(uuid4())), c.StartListening()))
    # then two are kept, accounted for, and the others are still there when asked for
    assert len(aggregates) == 2
    kept = [aggregates.hold(ANYBODY.tenant_id, conversation_id).conversation for conversation_id in ids[-2:]]
    assert aggregates.size_bytes == sum(map(estimated_bytes, kept))
    first_again = await run_command(command_request(ANYBODY, ids[0], c.StartListening()))
    assert first_again.conversation.version == 2
