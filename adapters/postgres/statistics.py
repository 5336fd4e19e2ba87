"""Counts over read tables and events, asked through the pool."""

from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import psycopg
from msgspec.structs import asdict
from psycopg.rows import dict_row

from adapters.postgres.pool import Pool
from adapters.postgres.reading import read_rows
from adapters.postgres.statements import statement
from app.ports import Latencies, SessionStatistics, TurnStatistics
from app.queries import InvalidQuery, StatisticsQuery
from domain.errors import StoreUnavailable
from domain.ids import TenantId

MAX_EVENTS: Final = 200_000
"""Of all tenants, that are looked through for turns: well under a second's work for a quiet database."""

_SESSIONS = statement("statistics_sessions")
_RANGE = statement("statistics_range")
_TURNS = statement("statistics_turns")


class PostgresStatistics:
    """Implements `Statistics`."""

    def __init__(self, pool: Pool, *, max_events: int = MAX_EVENTS) -> None:
        self._pool = pool
        self._max_events = max_events

    async def sessions(self, tenant_id: TenantId, query: StatisticsQuery) -> SessionStatistics:
        """See `Statistics.sessions`."""
        return SessionStatistics(**await self._row(_SESSIONS, {"tenant_id": tenant_id, **asdict(query)}))

    async def turns(self, tenant_id: TenantId, query: StatisticsQuery) -> TurnStatistics:
        """See `Statistics.turns`."""
        found = await self._row(_RANGE, {**asdict(query), "max_events": self._max_events})
        since: datetime = found["since"]
        row = await self._row(_TURNS, {"tenant_id": tenant_id, **asdict(query), "since": since})
        outcomes = {name: row[name] for name in ("answered", "interrupted", "cancelled", "failed")}
        return TurnStatistics(
            since=since.astimezone(UTC),
            is_complete=since <= query.since,
            count=row["count"],
            open=row["count"] - sum(outcomes.values()),
            answer_start=_latencies(row["start_count"], row["start_ms"]),
            answer_end=_latencies(row["end_count"], row["end_ms"]),
            **outcomes,
        )

    async def _row(self, query: LiteralString, parameters: dict[str, object]) -> dict[str, Any]:
        """The one row. Not prepared: the best plan depends on the range and on which filters are given."""
        try:
            rows = await read_rows(self._pool, query, parameters, row_factory=dict_row, prepare=False)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise InvalidQuery(
                    "from", "and `until` hold more than can be counted in time: ask for less."
                ) from error
            raise
        row: dict[str, Any] = rows[0]
        return row


def _latencies(count: int, percentiles_ms: list[float] | None) -> Latencies:
    p50_ms, p95_ms = percentiles_ms or (None, None)
    return Latencies(count=count, p50_ms=p50_ms, p95_ms=p95_ms)
