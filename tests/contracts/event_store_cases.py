"""What every event store must do. An adapter's test gives the `store` fixture and inherits the cases."""

from typing import Protocol

import anyio
import pytest

from domain.errors import CommandRepeated, StoreError, VersionConflict
from domain.ids import CommandId, ConversationId, TenantId
from domain.ports import EventLog, EventStore, RecordedEvent
from tests.support.decider import CONVERSATION_ID, TENANT_ID, numbered_uuid
from tests.support.moments import ANSWER, END, QUESTION, RESPONSE, started
from tests.support.recording import OTHER_CONVERSATION_ID, OTHER_TENANT_ID, append

(START,) = started()
MANY = 50


class Store(EventStore, EventLog, Protocol):
    """Both views of the one truth."""


class EventStoreCases:
    """Given a store, when something is appended to it, then this is what it answers and holds."""

    async def test_what_is_appended_is_read_as_it_was(self, store: Store) -> None:
        command = append(START, QUESTION)

        stored = await store.append(command)

        assert await store.read(TENANT_ID, CONVERSATION_ID) == stored
        assert [recorded.event for recorded in stored] == [START, QUESTION]
        assert [recorded.event_id for recorded in stored] == list(command.event_ids)
        assert [recorded.version for recorded in stored] == [1, 2]
        assert [recorded.schema_version for recorded in stored] == [1, 1]
        assert {recorded.origin for recorded in stored} == {command.origin}
        assert {recorded.tenant_id for recorded in stored} == {TENANT_ID}
        assert len({recorded.recorded_at for recorded in stored}) == 1
        assert stored[0].recorded_at.utcoffset() is not None

    async def test_a_part_of_the_history_is_read_by_its_versions(self, store: Store) -> None:
        await store.append(append(START, QUESTION, RESPONSE, ANSWER))

        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID, after=1)) == [2, 3, 4]
        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID, after=1, until=3)) == [2, 3]
        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID, until=0)) == []
        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID, after=4)) == []

    async def test_an_unknown_conversation_has_no_events(self, store: Store) -> None:
        assert await store.read(TENANT_ID, CONVERSATION_ID) == ()

    @pytest.mark.parametrize("nonsense", ["", "no-uuid", "\0", "\udc00", "}" * 36])
    async def test_what_is_no_id_names_nothing(self, store: Store, nonsense: str) -> None:
        await store.append(append(START))

        assert await store.read(TENANT_ID, ConversationId(nonsense)) == ()
        assert await store.read(TenantId(nonsense), CONVERSATION_ID) == ()
        assert await store.find_command(TENANT_ID, CommandId(nonsense)) == ()

    async def test_absurd_numbers_are_beyond_the_end(self, store: Store) -> None:
        (event,) = await store.append(append(START))

        assert await store.read(TENANT_ID, CONVERSATION_ID, after=10**30) == ()
        assert await store.read(TENANT_ID, CONVERSATION_ID, after=-(10**30), until=10**30) == (event,)
        assert list((await store.read_page(10**30, 10)).events) == []

    async def test_a_stale_version_is_a_conflict_that_names_the_true_one(self, store: Store) -> None:
        await store.append(append(START, QUESTION))

        with pytest.raises(VersionConflict) as conflict:
            await store.append(append(END, after=1, command=2))

        assert (conflict.value.expected_version, conflict.value.version) == (1, 2)
        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID)) == [1, 2]

    async def test_a_hole_is_refused(self, store: Store) -> None:
        await store.append(append(START))

        with pytest.raises(VersionConflict) as conflict:
            await store.append(append(END, after=2, command=2))

        assert conflict.value.version == 1
        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID)) == [1]

    async def test_a_history_does_not_begin_in_the_middle(self, store: Store) -> None:
        with pytest.raises(VersionConflict) as conflict:
            await store.append(append(END, after=1))

        assert conflict.value.version == 0

    async def test_a_command_of_several_events_is_stored_all_or_none(self, store: Store) -> None:
        await store.append(append(START, QUESTION))

        with pytest.raises(VersionConflict):
            await store.append(append(QUESTION, RESPONSE, ANSWER, after=1, command=2))

        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID)) == [1, 2]
        assert await store.find_command(TENANT_ID, CommandId(numbered_uuid(2))) == ()

    async def test_a_repeated_command_is_stored_once(self, store: Store) -> None:
        first = await store.append(append(START, QUESTION))

        for after, event in ((0, START), (2, END)):
            with pytest.raises(CommandRepeated):
                await store.append(append(event, after=after))

        assert await store.read(TENANT_ID, CONVERSATION_ID) == first

    async def test_a_command_id_is_taken_for_all_conversations_of_the_tenant(self, store: Store) -> None:
        await store.append(append(START))

        with pytest.raises(CommandRepeated):
            await store.append(append(START, conversation_id=OTHER_CONVERSATION_ID))

        assert await store.read(TENANT_ID, OTHER_CONVERSATION_ID) == ()

    async def test_a_command_is_found_with_all_its_events_and_no_others(self, store: Store) -> None:
        await store.append(append(START))
        stored = await store.append(append(QUESTION, RESPONSE, after=1, command=2))
        await store.append(append(ANSWER, after=3, command=3))

        assert await store.find_command(TENANT_ID, CommandId(numbered_uuid(2))) == stored
        assert await store.find_command(TENANT_ID, CommandId(numbered_uuid(9))) == ()

    async def test_another_tenant_sees_nothing(self, store: Store) -> None:
        await store.append(append(START))

        assert await store.read(OTHER_TENANT_ID, CONVERSATION_ID) == ()
        assert await store.find_command(OTHER_TENANT_ID, CommandId(numbered_uuid(1))) == ()

    async def test_another_tenant_may_use_the_same_command_id(self, store: Store) -> None:
        await store.append(append(START))

        await store.append(append(START, tenant_id=OTHER_TENANT_ID, conversation_id=OTHER_CONVERSATION_ID))

        assert _versions(await store.read(OTHER_TENANT_ID, OTHER_CONVERSATION_ID)) == [1]
        assert await store.read(TENANT_ID, OTHER_CONVERSATION_ID) == ()

    @pytest.mark.parametrize("guessed_version", [0, 1, 2])
    async def test_another_tenant_cannot_write_into_a_conversation(self, store: Store, guessed_version: int) -> None:
        stored = await store.append(append(START))

        with pytest.raises(VersionConflict):
            await store.append(append(END, after=guessed_version, command=2, tenant_id=OTHER_TENANT_ID))

        assert await store.read(TENANT_ID, CONVERSATION_ID) == stored

    async def test_positions_rise_over_all_conversations(self, store: Store) -> None:
        first = await store.append(append(START, QUESTION))
        second = await store.append(append(START, command=2, conversation_id=OTHER_CONVERSATION_ID))
        third = await store.append(append(RESPONSE, after=2, command=3))

        positions = [recorded.position for recorded in (*first, *second, *third)]
        assert positions == sorted(set(positions))
        assert positions[0] > 0
        assert await store.head_position() == positions[-1]

    async def test_an_empty_store_has_its_head_at_zero(self, store: Store) -> None:
        page = await store.read_page(0, 10)

        assert await store.head_position() == 0
        assert (list(page.events), page.last_position, page.unknown_events) == ([], 0, 0)

    async def test_the_log_is_read_page_by_page(self, store: Store) -> None:
        first = await store.append(append(START, QUESTION))
        second = await store.append(append(START, command=2, conversation_id=OTHER_CONVERSATION_ID))
        log = [*first, *second]

        page = await store.read_page(0, 2)
        assert (list(page.events), page.last_position) == (log[:2], log[1].position)
        page = await store.read_page(page.last_position, 2)
        assert (list(page.events), page.last_position) == (log[2:], log[2].position)
        page = await store.read_page(page.last_position, 2)
        assert (list(page.events), page.last_position) == ([], log[2].position)

    async def test_one_of_many_wins_a_version(self, store: Store) -> None:
        await store.append(append(START))
        wins: list[int] = []
        true_versions: set[int] = set()

        async def compete(command: int) -> None:
            try:
                await store.append(append(QUESTION, RESPONSE, after=1, command=command))
            except VersionConflict as conflict:
                true_versions.add(conflict.version)
            else:
                wins.append(command)

        async with anyio.create_task_group() as group:
            for command in range(2, MANY):
                group.start_soon(compete, command)

        assert len(wins) == 1
        assert true_versions == {3}
        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID)) == [1, 2, 3]

    async def test_one_command_sent_many_times_at_once_is_stored_once(self, store: Store) -> None:
        outcomes: list[str] = []

        async def send() -> None:
            try:
                await store.append(append(START, QUESTION))
            except StoreError as error:
                outcomes.append(error.code)
            else:
                outcomes.append("appended")

        async with anyio.create_task_group() as group:
            for _ in range(MANY):
                group.start_soon(send)

        assert sorted(outcomes) == ["appended"] + ["command_repeated"] * (MANY - 1)
        assert _versions(await store.read(TENANT_ID, CONVERSATION_ID)) == [1, 2]

    async def test_a_failing_command_does_not_fail_those_beside_it(self, store: Store) -> None:
        await store.append(append(START))
        conflicts: list[int] = []

        async def send(number: int) -> None:
            """Every third one expects a version that never was."""
            after = 5 if number % 3 == 0 else 0
            conversation_id = CONVERSATION_ID if after else _conversation(number)
            try:
                await store.append(
                    append(START, QUESTION, after=after, command=number, conversation_id=conversation_id)
                )
            except VersionConflict:
                conflicts.append(number)

        async with anyio.create_task_group() as group:
            for number in range(2, MANY):
                group.start_soon(send, number)

        assert sorted(conflicts) == list(range(3, MANY, 3))
        for number in set(range(2, MANY)) - set(conflicts):
            assert _versions(await store.read(TENANT_ID, _conversation(number))) == [1, 2]


def _versions(history: tuple[RecordedEvent, ...]) -> list[int]:
    return [recorded.version for recorded in history]


def _conversation(number: int) -> ConversationId:
    return ConversationId(numbered_uuid(0xC0000 + number))
