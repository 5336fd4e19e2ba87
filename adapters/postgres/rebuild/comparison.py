"""Whether the new tables say what the live ones say, row by row, by hashes that the database computes."""

from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.rebuild.tables import table_name, view_name
from adapters.postgres.statements import statement
from domain.ids import ConversationId
from projections.rebuilding import TableComparison
from projections.registry import ProjectionName

_COMPARE = SQL(statement("rebuild_compare"))
_COMPARE_SINCE = SQL(statement("rebuild_compare_since"))
_CONVERSATION: Final[dict[ProjectionName, str]] = {"sessions": "id", "messages": "session_id"}


class Moment:
    """Implements `Comparing`. The connection's transaction began at the moment and shows nothing later."""

    def __init__(self, connection: AsyncConnection[TupleRow], version: int) -> None:
        self._connection = connection
        self._version = version

    async def compare(self, projection: ProjectionName) -> TableComparison:
        """See `Comparing.compare`."""
        with unavailable_when_lost():
            cursor = await self._connection.execute(_on(_COMPARE, projection, self._version))
            row = await cursor.fetchone()
        assert row is not None
        return TableComparison(
            projection=projection,
            live_rows=row[0],
            live_hash=row[1],
            new_rows=row[2],
            new_hash=row[3],
            different_rows=row[4],
            first_difference=row[5],
        )


async def different_since(
    connection: AsyncConnection[TupleRow], projection: ProjectionName, version: int, position: int
) -> ConversationId | None:
    """A conversation with an event after the position whose rows differ."""
    cursor = await connection.execute(_on(_COMPARE_SINCE, projection, version), [position])
    row = await cursor.fetchone()
    return ConversationId(row[0]) if row and row[0] else None


def _on(text: SQL, projection: ProjectionName, version: int) -> Composed:
    return text.format(
        live=Identifier(view_name(projection)),
        new=Identifier(table_name(projection, version)),
        conversation=Identifier(_CONVERSATION[projection]),
    )
