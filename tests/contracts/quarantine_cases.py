"""What every projection store and the runner over it must do with an event that cannot become rows.

An adapter's test gives the fixtures `store` and `models` and inherits the cases.
"""

from collections.abc import Iterable
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from app.ports import ReadModels
from domain.conversation import events as e
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from projections import redrive as redriving
from projections.changes import Change
from projections.ports import CheckpointMoved, ProjectionSession, ProjectionStore, RowsRejected
from projections.quarantine import Poison, Reason
from projections.redrive import redrive
from projections.registry import PROJECTIONS, Projection
from projections.runner import Runner
from tests.contracts.projection_store_cases import assert_rows_equal_fold, moved, page
from tests.support.decider import CONVERSATION_ID, TENANT_ID, message_id
from tests.support.histories import Happening, happenings
from tests.support.moments import ANSWERED, INTERRUPTED
from tests.support.projecting import GivenLog, rows_of, take_lead
from tests.support.recording import history, recorded_log

Kind = Literal["unknown", "not_projectable", "refused"]
REASONS: dict[Kind, Reason] = {
    "unknown": "unknown_event",
    "not_projectable": "not_projectable",
    "refused": "rows_rejected",
}
REFUSED = e.MessageRecorded(message_id=message_id(0xF00), role="system", content="\0")
"""No table holds it."""


class Poisoned(Struct, frozen=True):
    """A log in which one event of some conversations cannot become rows, and the same log without that."""

    sound: list[RecordedEvent]
    kinds: dict[int, Kind]

    def log(self) -> GivenLog:
        """As it is stored."""
        refused = {position for position, kind in self.kinds.items() if kind == "refused"}
        events = [replace(one, event=REFUSED) if one.position in refused else one for one in self.sound]
        return GivenLog(events, [position for position, kind in self.kinds.items() if kind == "unknown"])

    def projections(self) -> tuple[Projection, ...]:
        """Those of the service, and one that is broken."""

        def project(recorded: RecordedEvent) -> list[Change]:
            if self.kinds.get(recorded.position) == "not_projectable":
                raise ZeroDivisionError
            return []

        return (*PROJECTIONS, project)

    def story(self, conversation_id: ConversationId) -> list[RecordedEvent]:
        """The events of one conversation."""
        return [one for one in self.sound if one.conversation_id == conversation_id]

    def good(self, conversation_id: ConversationId) -> list[RecordedEvent]:
        """Those before its poison."""
        story = self.story(conversation_id)
        stops = [number for number, one in enumerate(story) if one.position in self.kinds]
        return story[: stops[0]] if stops else story

    @property
    def conversations(self) -> set[ConversationId]:
        return {one.conversation_id for one in self.sound}


@st.composite
def poisonings(draw: st.DrawFn) -> tuple[list[Happening], dict[int, Kind]]:
    """What happened, and positions in its log, at most one of each conversation."""
    happened = draw(happenings())
    log = recorded_log(happened)
    kinds: dict[int, Kind] = {}
    for conversation_id in draw(st.sets(st.sampled_from(sorted({one.conversation_id for one in log})), min_size=1)):
        positions = [one.position for one in log if one.conversation_id == conversation_id]
        kinds[draw(st.sampled_from(positions))] = draw(st.sampled_from(sorted(REASONS)))
    return happened, kinds


async def run(poisoned: Poisoned, session: ProjectionSession, max_page_events: int = 1_000) -> list[Poison]:
    """Project all there is, and give what was parked on the way."""
    runner = Runner(poisoned.log(), poisoned.projections(), max_page_events)
    checkpoint = await session.checkpoint()
    parked: list[Poison] = []
    while (step := await runner.step(session, checkpoint)).position != checkpoint.position:
        checkpoint = step.checkpoint
        parked += step.parked
        assert checkpoint == await session.checkpoint()
    return parked


def poisoned_answer() -> Poisoned:
    """One conversation, of which the third event of four is refused."""
    return Poisoned(history(ANSWERED), {3: "refused"})


async def assert_rows_are(models: ReadModels, stories: Iterable[list[RecordedEvent]]) -> None:
    for story in stories:
        if story:
            await assert_rows_equal_fold(models, story)


class QuarantineCases:
    """Given a poison, when its page is written, then its conversation stands still and nothing else does."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
    @given(poisoning=poisonings(), max_page_events=st.integers(1, 40))
    async def test_every_row_is_the_fold_up_to_the_poison_and_after_the_fix_the_whole_fold(
        self,
        store: ProjectionStore,
        models: ReadModels,
        poisoning: tuple[list[Happening], dict[int, Kind]],
        max_page_events: int,
    ) -> None:
        happened, kinds = poisoning
        async with store.session() as session:
            await take_lead(session)
            start = (await session.checkpoint()).position
            events = [moved(event, start) for event in recorded_log(happened)]
            poisoned = Poisoned(events, {start + position: kind for position, kind in kinds.items()})

            parked = await run(poisoned, session, max_page_events)
            assert {one.position: one.reason for one in parked} == {
                position: REASONS[kind] for position, kind in poisoned.kinds.items()
            }
            assert (await session.checkpoint()).position == events[-1].position
            await assert_rows_are(models, map(poisoned.good, poisoned.conversations))

            for poison in parked:
                assert await redrive(session, GivenLog(events), poison) is None
            await assert_rows_are(models, map(poisoned.story, poisoned.conversations))
            assert (await session.checkpoint()).parked == frozenset()

    async def test_the_letter_names_the_event_and_nothing_of_it(self, store: ProjectionStore) -> None:
        async with store.session() as session:
            await take_lead(session)
            (poison,) = await run(poisoned_answer(), session)
            (letter,) = await session.dead_letters()

        assert letter.poison == poison
        assert (poison.tenant_id, poison.conversation_id) == (TENANT_ID, CONVERSATION_ID)
        assert (poison.version, poison.position, poison.reason) == (3, 3, "rows_rejected")
        assert (letter.attempts, letter.last_tried_at) == (0, None)

    async def test_what_is_parked_stays_parked_for_who_leads_next(
        self, store: ProjectionStore, models: ReadModels
    ) -> None:
        poisoned = Poisoned(history(INTERRUPTED), {2: "not_projectable"})
        first = Poisoned(poisoned.sound[:2], poisoned.kinds)
        async with store.session() as session:
            await take_lead(session)
            await run(first, session)
        async with store.session() as session:
            await take_lead(session)
            assert (await session.checkpoint()).parked == {CONVERSATION_ID}
            assert await run(poisoned, session) == []
        await assert_rows_equal_fold(models, poisoned.sound[:1])

    async def test_what_is_tried_out_is_not_kept(self, store: ProjectionStore, models: ReadModels) -> None:
        async with store.session() as session:
            await take_lead(session)
            await session.try_out(rows_of(history(ANSWERED)))
            with pytest.raises(RowsRejected):
                await session.try_out(rows_of(poisoned_answer().log().events))
            assert (await session.checkpoint()).position == 0
        assert await models.get_conversation(TENANT_ID, CONVERSATION_ID) is None

    async def test_an_attempt_that_fails_changes_no_row_and_is_counted(
        self, store: ProjectionStore, models: ReadModels
    ) -> None:
        poisoned = poisoned_answer()
        async with store.session() as session:
            await take_lead(session)
            (poison,) = await run(poisoned, session)
            before = await session.checkpoint()
            # when it is tried again, and fails for the same reason, another, and one more
            log = poisoned.log()
            assert await redrive(session, log, poison) == poison
            broken = Poisoned(poisoned.sound, {2: "not_projectable"})
            other = await redrive(session, GivenLog(poisoned.sound), poison, broken.projections())
            log.unknown = {3}
            unknown = await redrive(session, log, poison)
            # then it is parked for the last of them
            assert other is not None
            assert (other.version, other.reason) == (2, "not_projectable")
            assert unknown is not None
            assert unknown.reason == "unknown_event"
            (letter,) = await session.dead_letters()
            assert letter.poison == unknown
            assert letter.attempts == 3
            assert letter.last_tried_at is not None
            assert await session.checkpoint() == before
        await assert_rows_equal_fold(models, poisoned.sound[:2])

    async def test_who_knows_an_older_list_of_the_parked_writes_nothing(
        self, store: ProjectionStore, models: ReadModels
    ) -> None:
        # given a runner that knows the conversation as parked, and more of it to come
        story = history(INTERRUPTED)
        poisoned = Poisoned(story[:3], {3: "unknown"})
        async with store.session() as runner, store.session() as by_hand:
            await take_lead(runner)
            (poison,) = await run(poisoned, runner)
            known = await runner.checkpoint()
            # when it is re-driven beside the runner
            assert await redrive(by_hand, GivenLog(story), poison) is None
            # then it stands where all rows stand, though its history goes on
            await assert_rows_equal_fold(models, story[:3])
            # and the runner has to read again before it writes
            stale = replace(page(story[3:], from_position=3), revision=known.revision)
            with pytest.raises(CheckpointMoved):
                await runner.write(stale)
            now = await runner.checkpoint()
            await runner.write(replace(stale, revision=now.revision))
        await assert_rows_equal_fold(models, story)

    async def test_a_history_longer_than_a_page_is_re_driven_as_a_whole(
        self, store: ProjectionStore, models: ReadModels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story = history(INTERRUPTED)
        for page_events in range(1, len(story) + 2):
            monkeypatch.setattr(redriving, "PAGE_EVENTS", page_events)
            async with store.session() as session:
                await take_lead(session)
                start = (await session.checkpoint()).position
                events = [moved(event, start) for event in story]
                (poison,) = await run(Poisoned(events, {start + 1: "unknown"}), session)
                assert await redrive(session, GivenLog(events), poison) is None
            await assert_rows_equal_fold(models, events)

    async def test_a_conversation_without_events_has_no_rows_after_it_is_re_driven(
        self, store: ProjectionStore, models: ReadModels
    ) -> None:
        async with store.session() as session:
            await take_lead(session)
            (poison,) = await run(poisoned_answer(), session)
            assert await redrive(session, GivenLog(), poison) is None
            assert await session.dead_letters() == ()
        assert await models.get_conversation(TENANT_ID, CONVERSATION_ID) is None
