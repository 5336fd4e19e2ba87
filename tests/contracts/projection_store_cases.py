"""What every projection store must do, together with the read models over it.

An adapter's test gives the fixtures `store` and `models` and inherits the cases.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from app.ports import ReadModels
from domain.conversation.evolution import fold
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from projections.ports import CheckpointMoved, ProjectedPage, ProjectionStore
from tests.support.decider import CONVERSATION_ID, TENANT_ID
from tests.support.expected_rows import expected_messages, expected_session
from tests.support.histories import Happening, happenings, unborn
from tests.support.moments import ANSWERED, END, INTERRUPTED
from tests.support.projecting import GivenLog, all_messages, project_all, rows_of, take_lead
from tests.support.recording import history, recorded_log


def page(events: list[RecordedEvent], from_position: int = 0, unknown_events: int = 0) -> ProjectedPage:
    """These events as a page after a position."""
    return ProjectedPage(
        from_position=from_position,
        to_position=events[-1].position,
        unknown_events=unknown_events,
        rows=rows_of(events),
    )


async def assert_rows_equal_fold(models: ReadModels, story: list[RecordedEvent]) -> None:
    """P4 for one conversation."""
    conversation = fold(unborn(story[0].conversation_id), story)
    row = await models.get_conversation(TENANT_ID, conversation.id)
    assert row == expected_session(conversation, story)
    messages = await all_messages(models, TENANT_ID, conversation.id)
    assert messages == expected_messages(unborn(conversation.id), story)


class ProjectionStoreCases:
    """Given tables, when pages are written, then rows and checkpoint go together."""

    async def test_tables_begin_empty_at_zero(self, store: ProjectionStore, models: ReadModels) -> None:
        async with store.session() as session:
            checkpoint = await session.checkpoint()

        assert (checkpoint.position, checkpoint.unknown_events) == (0, 0)
        assert await models.checkpoint_position() == 0
        assert await models.get_conversation(TENANT_ID, CONVERSATION_ID) is None

    async def test_a_page_moves_rows_and_checkpoint(self, store: ProjectionStore, models: ReadModels) -> None:
        events = history(ANSWERED)
        async with store.session() as session:
            await take_lead(session)
            await session.write(page(events, unknown_events=2))
            checkpoint = await session.checkpoint()

        assert (checkpoint.position, checkpoint.unknown_events) == (len(events), 2)
        assert await models.checkpoint_position() == len(events)
        await assert_rows_equal_fold(models, events)

    async def test_a_page_from_another_position_writes_nothing(
        self, store: ProjectionStore, models: ReadModels
    ) -> None:
        events = history((*INTERRUPTED, END))
        async with store.session() as session:
            await take_lead(session)
            await session.write(page(events[:3]))
            for stale in (page(events[:3]), page(events[4:], from_position=4), page(events[3:], from_position=2)):
                with pytest.raises(CheckpointMoved):
                    await session.write(stale)
            assert (await session.checkpoint()).position == 3
            await assert_rows_equal_fold(models, events[:3])

            await session.write(page(events[3:], from_position=3))

        await assert_rows_equal_fold(models, events)

    async def test_one_session_leads_until_it_is_left(self, store: ProjectionStore) -> None:
        async with store.session() as second:
            async with store.session() as first:
                assert await first.try_to_lead()
                assert await first.try_to_lead()
                assert not await second.try_to_lead()
                await first.beat()
            await take_lead(second)

    async def test_who_begins_again_goes_on_from_the_checkpoint(
        self, store: ProjectionStore, models: ReadModels
    ) -> None:
        log = GivenLog(history((*INTERRUPTED, END)))
        for max_events in range(1, len(log.events) + 1):
            async with store.session() as session:
                await take_lead(session)
                position = await project_all(GivenLog(log.events[:max_events]), session)
            assert position == max_events
            await assert_rows_equal_fold(models, log.events[:max_events])

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
    @given(happened=happenings(), max_page_events=st.integers(1, 40))
    async def test_rows_equal_the_fold(
        self, store: ProjectionStore, models: ReadModels, happened: list[Happening], max_page_events: int
    ) -> None:
        async with store.session() as session:
            await take_lead(session)
            start = (await session.checkpoint()).position
            events = [moved(event, start) for event in recorded_log(happened)]
            await project_all(GivenLog(events), session, max_page_events)

        for conversation_id in {event.conversation_id for event in events}:
            await assert_rows_equal_fold(models, [e for e in events if e.conversation_id == conversation_id])


def moved(event: RecordedEvent, start: int) -> RecordedEvent:
    """The event in another conversation and further on in the log, so that one example does not meet the last."""
    number = int(event.conversation_id[-12:], 16) + 0x1000 * (start + 1)
    conversation_id = ConversationId(f"{event.conversation_id[:-12]}{number:012x}")
    return replace(event, conversation_id=conversation_id, position=event.position + start)
