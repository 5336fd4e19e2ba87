"""What every adapter of the statistics must answer. An adapter's test gives `given` and `statistics` and inherits."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace

from app.ports import Latencies, Statistics
from app.queries import StatisticsQuery
from domain.conversation import events as e
from domain.conversation.values import Policies
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from tests.support.decider import NOON, TENANT_ID, message_id, numbered_uuid
from tests.support.moments import ANSWER, BARGE_IN, CRASH, END, IDLE, QUESTION, RESPONSE, RESPONSE_ID, RESUMPTION
from tests.support.recording import OTHER_TENANT_ID, recorded

Given = Callable[[Sequence[RecordedEvent]], Awaitable[None]]

MAX_EVENTS: Final = 60
EVER: Final = StatisticsQuery(since=datetime(1, 1, 1, tzinfo=UTC), until=datetime(9999, 12, 31, tzinfo=UTC))
CANCELLED: Final = e.ResponseCancelled(response_id=RESPONSE_ID)
RETRY: Final = e.TurnRetried(turn=1)
LISTENING: Final = e.ListeningStarted(turn=2)


def told(number: int, *moments: tuple[float, e.Event], at: datetime = NOON) -> list[RecordedEvent]:
    """A conversation whose events were recorded so many seconds after the beginning."""
    conversation_id = ConversationId(numbered_uuid(0xC0000 + number))
    return [
        recorded(event, version, at=at + timedelta(seconds=seconds), conversation_id=conversation_id)
        for version, (seconds, event) in enumerate(moments, start=1)
    ]


def turn(*steps: tuple[float, e.Event]) -> list[RecordedEvent]:
    """A conversation of one turn, whose message came at 10 s."""
    return told(1, (0, IDLE[0]), (10, QUESTION), *steps)


class StatisticsCases:
    """Given events, when they are counted, then every turn has one outcome and no time is negative."""

    @pytest.mark.parametrize(
        ("steps", "outcome", "start_ms", "end_ms"),
        [
            ([(10.5, RESPONSE), (12, ANSWER)], "answered", 500, 2_000),
            ([(12, ANSWER)], "answered", 2_000, 2_000),
            ([(10.5, RESPONSE)], "open", 500, None),
            ([], "open", None, None),
            ([(10.5, RESPONSE), (11, BARGE_IN)], "interrupted", 500, None),
            ([(10.5, RESPONSE), (11, BARGE_IN), (11.5, RESUMPTION)], "open", 500, None),
            ([(10.5, RESPONSE), (11, BARGE_IN), (11.5, RESUMPTION), (13, ANSWER)], "answered", 500, 3_000),
            ([(10.5, RESPONSE), (11, BARGE_IN), (11.5, CRASH)], "interrupted", 500, None),
            ([(11, CANCELLED)], "cancelled", None, None),
            ([(11, CRASH)], "failed", None, None),
            ([(11, CRASH), (12, RETRY)], "open", None, None),
            ([(11, CRASH), (12, RETRY), (13, RESPONSE), (14, ANSWER)], "answered", 3_000, 4_000),
            ([(10.5, RESPONSE), (12, ANSWER), (13, LISTENING), (14, CRASH)], "answered", 500, 2_000),
            ([(9, RESPONSE), (8, ANSWER)], "answered", 0, 0),
            ([(10.5, RESPONSE), (11, BARGE_IN), (11, END)], "interrupted", 500, None),
        ],
    )
    async def test_what_becomes_of_a_turn(
        self,
        given: Given,
        statistics: Statistics,
        steps: list[tuple[float, e.Event]],
        outcome: str,
        start_ms: float | None,
        end_ms: float | None,
    ) -> None:
        await given(turn(*steps))

        turns = await statistics.turns(TENANT_ID, EVER)

        assert turns.count == 1
        assert getattr(turns, outcome) == 1
        assert turns.answer_start == Latencies(count=int(start_ms is not None), p50_ms=start_ms, p95_ms=start_ms)
        assert turns.answer_end == Latencies(count=int(end_ms is not None), p50_ms=end_ms, p95_ms=end_ms)

    async def test_percentiles_are_times_that_some_turn_took(self, given: Given, statistics: Statistics) -> None:
        for number in range(1, 21):
            await given(told(number, (0, IDLE[0]), (0, QUESTION), (number, ANSWER)))

        turns = await statistics.turns(TENANT_ID, replace(EVER, since=NOON))

        assert turns.answer_end == Latencies(count=20, p50_ms=10_000, p95_ms=19_000)

    async def test_a_turn_belongs_to_the_range_of_its_message(self, given: Given, statistics: Statistics) -> None:
        await given(turn((3_600, ANSWER)))
        at = NOON + timedelta(seconds=10)

        def between(since: datetime, until: datetime) -> StatisticsQuery:
            return StatisticsQuery(since=since, until=until)

        assert (await statistics.turns(TENANT_ID, between(at, at + timedelta(seconds=1)))).answered == 1
        assert (await statistics.turns(TENANT_ID, between(NOON, at))).count == 0
        assert (await statistics.turns(TENANT_ID, between(at + timedelta(seconds=1), EVER.until))).count == 0

    async def test_sessions_are_counted_by_their_start_and_their_end(
        self, given: Given, statistics: Statistics
    ) -> None:
        said = e.MessageRecorded(message_id=message_id(9), role="user", content="Hi")
        await given(told(1, (0, IDLE[0]), (1, said), (10, END)))
        await given(told(2, (0, IDLE[0]), (20, e.ConversationEnded(ended_reason="idle_timeout"))))
        await given(told(3, (5, IDLE[0])))

        sessions = await statistics.sessions(TENANT_ID, EVER)
        late = await statistics.sessions(TENANT_ID, replace(EVER, since=NOON + timedelta(seconds=5)))
        none = await statistics.sessions(TENANT_ID, replace(EVER, until=NOON))

        assert (sessions.active, sessions.started, sessions.ended) == (1, 3, 2)
        assert (sessions.average_duration_seconds, sessions.messages_per_session) == (15, 0.5)
        assert sessions.ended_reasons == {"user_ended": 1, "idle_timeout": 1}
        assert (late.active, late.started, late.ended) == (1, 1, 2)
        assert (none.active, none.started, none.ended, none.average_duration_seconds) == (1, 0, 0, None)
        assert none.ended_reasons == {}

    async def test_filters_and_tenants(self, given: Given, statistics: Statistics) -> None:
        for number, (user_id, agent) in enumerate([("u", "a"), ("u", "b"), ("v", "a"), (None, None)]):
            start = e.ConversationStarted(tenant_id=TENANT_ID, user_id=user_id, agent=agent, policies=Policies())
            await given(told(number, (0, start), (1, QUESTION), (2, ANSWER)))
        foreign = told(9, (0, IDLE[0]), (1, QUESTION), (2, ANSWER))
        await given([replace(event, tenant_id=OTHER_TENANT_ID) for event in foreign])

        async def counted(**filters: Any) -> tuple[int, int]:
            query = replace(EVER, **filters)
            sessions = await statistics.sessions(TENANT_ID, query)
            return sessions.started, (await statistics.turns(TENANT_ID, query)).count

        assert await counted() == (4, 4)
        assert await counted(user_id="u") == (2, 2)
        assert await counted(agent="a") == (2, 2)
        assert await counted(user_id="u", agent="a") == (1, 1)
        assert await counted(user_id="' OR true --") == (0, 0)
        assert (await statistics.turns(OTHER_TENANT_ID, EVER)).count == 1

    async def test_where_there_are_too_many_events_the_newest_turns_are_counted_and_it_is_said(
        self, given: Given, statistics: Statistics
    ) -> None:
        # given more events in the range than are looked through, and after them an import of old ones
        for number in range(MAX_EVENTS):
            await given(told(number, (number, IDLE[0]), (number, QUESTION), (number, ANSWER)))
        await given(told(MAX_EVENTS, (0, IDLE[0]), (1, QUESTION), at=NOON - timedelta(days=365)))

        turns = await statistics.turns(TENANT_ID, EVER)
        same = await statistics.turns(TENANT_ID, replace(EVER, since=turns.since))
        before = await statistics.turns(TENANT_ID, replace(EVER, until=NOON))

        assert not turns.is_complete
        assert MAX_EVENTS / 6 - 1 < turns.count <= MAX_EVENTS / 3
        assert turns.since > EVER.since
        assert same == replace(turns, is_complete=True)
        assert (before.count, before.is_complete, before.since) == (1, True, EVER.since)

    async def test_a_message_that_waited_opens_its_turn_when_it_is_taken(
        self, given: Given, statistics: Statistics
    ) -> None:
        waiting = e.UserMessageQueued(message_id=message_id(3), content="And outside.")
        taken = e.UserMessageReceived(message_id=message_id(3), turn=2, content="And outside.", queued=True)
        again = replace(ANSWER, turn=2, message_id=message_id(4), response_id="r2")
        await given(turn((11, RESPONSE), (12, waiting), (14, ANSWER), (14, taken), (15, again)))

        turns = await statistics.turns(TENANT_ID, EVER)

        assert (turns.count, turns.answered) == (2, 2)
        assert turns.answer_end == Latencies(count=2, p50_ms=1_000, p95_ms=4_000)
