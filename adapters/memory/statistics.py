"""Counts over plain lists of events: the twin of the Postgres one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from msgspec import Struct

from adapters.memory.projection_store import MemoryProjectionStore
from app.ports import Latencies, SessionStatistics, TurnStatistics
from app.queries import StatisticsQuery
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.conversation.transitions import State
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from projections.rows import SessionRow

MICROSECOND: Final = timedelta(microseconds=1)
MILLISECOND: Final = timedelta(milliseconds=1)
_OUTCOMES: Final[dict[type[e.Event], str]] = {
    e.ResponseCompleted: "answered",
    e.ResponseInterrupted: "interrupted",
    e.ResponseCancelled: "cancelled",
    e.TurnFailed: "failed",
}
_GOES_ON: Final = (e.ResponseStarted, e.SpeechResumed, e.TurnRetried)


class Turn(Struct, kw_only=True):
    """One user's message and what became of it."""

    conversation_id: ConversationId
    user_message_at: datetime
    first_start_at: datetime | None = None
    first_completed_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None

    @property
    def answer_started_at(self) -> datetime | None:
        return self.first_start_at or self.first_completed_at


class MemoryStatistics:
    """Implements `Statistics` over the rows and the log, which is in the order of positions."""

    def __init__(self, tables: MemoryProjectionStore, log: Sequence[RecordedEvent], *, max_events: int) -> None:
        self._tables = tables
        self._log = log
        self._max_events = max_events

    async def sessions(self, tenant_id: TenantId, query: StatisticsQuery) -> SessionStatistics:
        """See `Statistics.sessions`."""
        rows = [row for row in self._tables.sessions.values() if row.tenant_id == tenant_id and _is_of(row, query)]
        ended = [row for row in rows if row.ended_at is not None and query.since <= row.ended_at < query.until]
        return SessionStatistics(
            active=sum(row.is_active for row in rows),
            started=sum(query.since <= row.started_at < query.until for row in rows),
            ended=len(ended),
            average_duration_seconds=_average([row.duration_seconds or 0.0 for row in ended]),
            messages_per_session=_average([row.message_count for row in ended]),
            ended_reasons=Counter(str(row.ended_reason) for row in ended),
        )

    async def turns(self, tenant_id: TenantId, query: StatisticsQuery) -> TurnStatistics:
        """See `Statistics.turns`."""
        since = self._countable_since(query)
        turns = [
            turn
            for turn in turns_of(event for event in self._log if event.tenant_id == tenant_id)
            if since <= turn.user_message_at < query.until and self._is_of(turn, query)
        ]
        outcomes = Counter(turn.outcome for turn in turns)
        return TurnStatistics(
            since=since,
            is_complete=since == query.since,
            count=len(turns),
            answered=outcomes["answered"],
            interrupted=outcomes["interrupted"],
            cancelled=outcomes["cancelled"],
            failed=outcomes["failed"],
            open=outcomes[None],
            answer_start=_latencies((turn.user_message_at, turn.answer_started_at) for turn in turns),
            answer_end=_latencies(
                (turn.user_message_at, turn.ended_at) for turn in turns if turn.outcome == "answered"
            ),
        )

    def _countable_since(self, query: StatisticsQuery) -> datetime:
        times = sorted(event.recorded_at for event in self._log if query.since <= event.recorded_at < query.until)
        return times[-self._max_events - 1] + MICROSECOND if len(times) > self._max_events else query.since

    def _is_of(self, turn: Turn, query: StatisticsQuery) -> bool:
        row = self._tables.sessions.get(turn.conversation_id)
        return query.user_id is query.agent is None or (row is not None and _is_of(row, query))


def turns_of(log: Iterable[RecordedEvent]) -> Iterator[Turn]:
    """The turns of all conversations, as the state of each tells what an event means."""
    histories: dict[ConversationId, list[RecordedEvent]] = {}
    for event in log:
        histories.setdefault(event.conversation_id, []).append(event)
    for history in histories.values():
        yield from _turns_of_one(history)


def _turns_of_one(history: Sequence[RecordedEvent]) -> Iterator[Turn]:
    conversation = Conversation(id=history[0].conversation_id, tenant_id=history[0].tenant_id)
    turn: Turn | None = None
    for recorded in history:
        if isinstance(recorded.event, e.UserMessageReceived):
            if turn is not None:
                yield turn
            turn = Turn(conversation_id=recorded.conversation_id, user_message_at=recorded.recorded_at)
        elif turn is not None and conversation.state is not None:
            _go_on(turn, recorded, conversation.state)
        conversation = fold(conversation, (recorded,))
    if turn is not None:
        yield turn


def _go_on(turn: Turn, recorded: RecordedEvent, state: State) -> None:
    kind, at = type(recorded.event), recorded.recorded_at
    if kind is e.ResponseStarted:
        turn.first_start_at = turn.first_start_at or at
    if kind is e.ResponseCompleted:
        turn.first_completed_at = turn.first_completed_at or at
    if kind in _GOES_ON:
        turn.outcome, turn.ended_at = None, None
    elif kind in _OUTCOMES and state in (State.PROCESSING, State.SPEAKING):
        turn.outcome, turn.ended_at = _OUTCOMES[kind], at


def _is_of(row: SessionRow, query: StatisticsQuery) -> bool:
    return query.user_id in (None, row.user_id) and query.agent in (None, row.agent)


def _average(numbers: Sequence[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def _latencies(spans: Iterable[tuple[datetime, datetime | None]]) -> Latencies:
    ordered = sorted(max(0.0, (end - start) / MILLISECOND) for start, end in spans if end is not None)
    if not ordered:
        return Latencies(count=0, p50_ms=None, p95_ms=None)
    p50_ms, p95_ms = (ordered[ceil(fraction * len(ordered)) - 1] for fraction in (0.5, 0.95))
    return Latencies(count=len(ordered), p50_ms=p50_ms, p95_ms=p95_ms)
