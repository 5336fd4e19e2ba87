"""Count conversations and turns, and how long answers took."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from app.ports import SessionStatistics, Statistics, TurnStatistics
from app.principal import Principal
from app.queries import InvalidQuery, StatisticsQuery
from domain.ports import Clock

DEFAULT_RANGE: Final = timedelta(hours=24)


class StatisticsOfRange(Struct, frozen=True, kw_only=True):
    """What was asked for, and the counts."""

    query: StatisticsQuery
    sessions: SessionStatistics
    turns: TurnStatistics


class GetStatistics:
    """Of the caller's tenant."""

    def __init__(self, statistics: Statistics, clock: Clock) -> None:
        self._statistics = statistics
        self._clock = clock

    async def __call__(
        self,
        principal: Principal,
        *,
        since: datetime | None,
        until: datetime | None,
        user_id: str | None = None,
        agent: str | None = None,
    ) -> StatisticsOfRange:
        """From `since` on and before `until`, which is now where it is not given; else the last 24 hours before it.

        Raises:
            InvalidQuery: the range is none, or holds more than can be counted in time.
            StoreUnavailable: the database is away.
        """
        end = self._clock.now() if until is None else until
        query = StatisticsQuery(since=since or _a_day_before(end), until=end, user_id=user_id, agent=agent)
        return StatisticsOfRange(
            query=query,
            sessions=await self._statistics.sessions(principal.tenant_id, query),
            turns=await self._statistics.turns(principal.tenant_id, query),
        )


def _a_day_before(end: datetime) -> datetime:
    try:
        return end.astimezone(UTC) - DEFAULT_RANGE
    except (OverflowError, ValueError) as error:
        raise InvalidQuery("until", "is not a day after the beginning of the year 1 of UTC.") from error
