"""Every command of a batch gets its own outcome, and none spoils its neighbours'.

Appends that are sent together before the appender's task has run are one batch.
"""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from domain.errors import CommandRepeated, EventRejected, VersionConflict
from domain.ids import DEFAULT_TENANT
from domain.ports import Append, RecordedEvent
from tests.support.appends import an_append, message, new_conversation, new_id, running_appender
from tests.support.history import stored_events
from tests.support.postgres import begun_transactions

OTHER_TENANT = new_id()
SMALL, LARGE = message(), message("x" * 8 * 2**20)

Outcome = tuple[RecordedEvent, ...] | BaseException


async def outcomes_of(dsn: str, appends: Sequence[Append], *before: Append) -> list[Outcome]:
    """Of these appends in one batch, after the others one by one.

    A batch takes half of what waits, so as many others wait behind them; they are conflicts and store nothing.
    """
    others = [an_append(expected_version=7) for _ in appends]
    async with running_appender(dsn, batch_max_commands=len(appends)) as appender:
        for append in before:
            await appender.append(append)
        outcomes = await asyncio.gather(*map(appender.append, (*appends, *others)), return_exceptions=True)
    return outcomes[: len(appends)]


def stored_versions(dsn: str, conversation_id: str) -> list[int]:
    return [event.version for event in stored_events(dsn) if event.conversation_id == conversation_id]


def assert_stored(outcome: Outcome, append: Append) -> None:
    assert isinstance(outcome, tuple), outcome
    assert [event.event_id for event in outcome] == list(append.event_ids)
    assert [event.version for event in outcome] == [
        append.expected_version + ordinal for ordinal in range(1, 1 + len(append.events))
    ]


async def test_what_the_appender_answers_is_what_is_stored(database: str) -> None:
    appends = [an_append(events=[message(), message()]) for _ in range(10)]

    outcomes = await outcomes_of(database, appends)

    answered = [event for outcome in outcomes if isinstance(outcome, tuple) for event in outcome]
    assert answered == list(stored_events(database))


async def test_what_the_appender_answers_beside_a_conflict_is_what_is_stored(database: str) -> None:
    appends = [an_append(events=[message(), message()]) for _ in range(10)]

    outcomes = await outcomes_of(database, [*appends, an_append(expected_version=7)])

    answered = [event for outcome in outcomes[:-1] if isinstance(outcome, tuple) for event in outcome]
    assert answered == list(stored_events(database))


async def test_a_conflict_names_the_version_and_fails_alone(database: str) -> None:
    first = an_append(events=[message(), message()])
    late, good = an_append(first.conversation_id, 1), an_append()

    conflict, stored = await outcomes_of(database, [late, good], first)

    assert isinstance(conflict, VersionConflict)
    assert (conflict.expected_version, conflict.version) == (1, 2)
    assert_stored(stored, good)


async def test_a_hole_is_a_conflict_and_fails_alone(database: str) -> None:
    ahead, good = an_append(expected_version=3), an_append()

    conflict, stored = await outcomes_of(database, [ahead, good])

    assert isinstance(conflict, VersionConflict)
    assert (conflict.expected_version, conflict.version) == (3, 0)
    assert_stored(stored, good)
    assert stored_versions(database, ahead.conversation_id) == []


async def test_of_two_commands_for_one_conversation_the_first_is_stored_and_the_second_told_the_new_version(
    database: str,
) -> None:
    conversation_id = new_conversation()
    first, second = an_append(conversation_id, events=[message(), message()]), an_append(conversation_id)

    stored, conflict = await outcomes_of(database, [first, second])

    assert_stored(stored, first)
    assert isinstance(conflict, VersionConflict)
    assert conflict.version == 2
    assert stored_versions(database, conversation_id) == [1, 2]


async def test_a_bad_command_takes_nobody_elses_turn(database: str) -> None:
    conversation_id = new_conversation()
    bad, good = an_append(conversation_id, 5), an_append(conversation_id)

    conflict, stored = await outcomes_of(database, [bad, good])

    assert isinstance(conflict, VersionConflict)
    assert_stored(stored, good)


async def test_a_command_of_two_events_is_never_half_stored(database: str) -> None:
    first = an_append(events=[message(), message()])
    overlapping = an_append(first.conversation_id, 1, events=[message(), message()])
    good = an_append()

    conflict, stored = await outcomes_of(database, [overlapping, good], first)

    assert isinstance(conflict, VersionConflict)
    assert_stored(stored, good)
    assert stored_versions(database, first.conversation_id) == [1, 2]


async def test_a_repeated_command_says_so_and_fails_alone(database: str) -> None:
    first = an_append()
    again = an_append(first.conversation_id, 1, command_id=first.origin.command_id)
    good = an_append()

    repeated, stored = await outcomes_of(database, [again, good], first)

    assert isinstance(repeated, CommandRepeated)
    assert repeated.command_id == first.origin.command_id
    assert_stored(stored, good)
    assert stored_versions(database, first.conversation_id) == [1]


async def test_one_command_id_twice_in_one_batch_takes_effect_once(database: str) -> None:
    command_id = new_id()
    first, second = an_append(command_id=command_id), an_append(command_id=command_id)

    stored, repeated = await outcomes_of(database, [first, second])

    assert_stored(stored, first)
    assert isinstance(repeated, CommandRepeated)
    assert stored_versions(database, second.conversation_id) == []


async def test_a_command_id_that_met_a_conflict_does_not_block_its_twin(database: str) -> None:
    command_id = new_id()
    bad, good = an_append(expected_version=4, command_id=command_id), an_append(command_id=command_id)

    repeated, stored = await outcomes_of(database, [bad, good])

    assert isinstance(repeated, CommandRepeated)
    assert_stored(stored, good)


async def test_command_ids_of_two_tenants_do_not_meet(database: str) -> None:
    command_id = new_id()
    ours, theirs = an_append(command_id=command_id), an_append(command_id=command_id, tenant_id=OTHER_TENANT)

    outcomes = await outcomes_of(database, [ours, theirs])

    assert_stored(outcomes[0], ours)
    assert_stored(outcomes[1], theirs)


async def test_a_tenant_never_writes_into_anothers_conversation(database: str) -> None:
    ours = an_append(tenant_id=DEFAULT_TENANT)
    at_head = an_append(ours.conversation_id, 1, tenant_id=OTHER_TENANT)
    good = an_append()

    conflict, stored = await outcomes_of(database, [at_head, good], ours)

    assert isinstance(conflict, VersionConflict)
    assert_stored(stored, good)
    assert stored_versions(database, ours.conversation_id) == [1]


async def test_a_tenant_never_takes_anothers_turn(database: str) -> None:
    first = an_append()
    foreign = an_append(first.conversation_id, 1, tenant_id=OTHER_TENANT)
    ours = an_append(first.conversation_id, 1)

    conflict, stored = await outcomes_of(database, [foreign, ours], first)

    assert isinstance(conflict, VersionConflict)
    assert_stored(stored, ours)


@pytest.mark.parametrize(
    "bad_id", ["no-uuid", " ", "NULL", f"{new_id()},{new_id()}", "\0" * 36, "\udc00" * 36, "}" * 36, "x" * 36]
)
@pytest.mark.parametrize("field", ["conversation_id", "command_id", "tenant_id"])
async def test_an_id_that_is_none_fails_alone(database: str, field: str, bad_id: str) -> None:
    given = {field: bad_id}
    bad = an_append(given.get("conversation_id"), command_id=given.get("command_id"), tenant_id=given.get("tenant_id"))
    neighbours = [an_append(), an_append()]

    before, rejected, after = await outcomes_of(database, [neighbours[0], bad, neighbours[1]])

    assert isinstance(rejected, EventRejected), rejected
    assert_stored(before, neighbours[0])
    assert_stored(after, neighbours[1])


async def test_one_bad_command_among_many_costs_few_statements(database: str) -> None:
    good = [an_append() for _ in range(1_000)]
    bad = an_append("x" * 36)

    async with running_appender(database) as appender:
        await appender.append(an_append())
        transactions_before = begun_transactions(database)
        outcomes = await asyncio.gather(*map(appender.append, [*good, bad]), return_exceptions=True)

    assert isinstance(outcomes.pop(), EventRejected)
    for outcome, append in zip(outcomes, good, strict=True):
        assert_stored(outcome, append)
    assert begun_transactions(database) - transactions_before < 60  # a savepoint counts as one


async def test_a_command_larger_than_any_batch_goes_alone(database: str) -> None:
    large, small = an_append(events=[LARGE, SMALL]), an_append()

    outcomes = await outcomes_of(database, [small, large])

    assert_stored(outcomes[0], small)
    assert_stored(outcomes[1], large)


async def test_text_that_json_must_escape_comes_back_as_it_was(database: str) -> None:
    contents = ["\0", "\\", '"', "{NULL}", "a,b", "\u2028", "😀", "\r\n\t"]
    append = an_append(events=[message(content) for content in contents])

    await outcomes_of(database, [append])

    assert [event.event for event in stored_events(database)] == list(append.events)


async def test_text_that_is_no_unicode_is_refused_before_it_is_queued(database: str) -> None:
    good = an_append()
    async with running_appender(database) as appender:
        with pytest.raises(UnicodeEncodeError):
            await appender.append(an_append(events=[message("\udc00")]))
        assert_stored(await appender.append(good), good)


async def test_a_repeated_command_beside_events_of_newer_code_is_no_crash(database: str) -> None:
    first = an_append()
    again = an_append(new_conversation(), command_id=first.origin.command_id)
    async with running_appender(database) as appender:
        await appender.append(first)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
                "VALUES (%s, 1, 'from_the_future.v1', 'not even JSON')",
                [again.conversation_id],
            )

        with pytest.raises(CommandRepeated):
            await appender.append(again)
        await appender.append(an_append())
