"""What a restore of only a part of the database leaves behind."""

from adapters.postgres.connection import connect
from adapters.postgres.durability import UnfitDatabase
from adapters.postgres.statements import statement
from projections.registry import CHECKPOINT_NAME

_ROWS_AHEAD = statement("rows_ahead")


class RowsAheadOfEvents(UnfitDatabase):
    """The next events would not be projected: their positions are those that the read tables have passed."""

    def __init__(self, position: int, head: int) -> None:
        super().__init__(
            f"The read tables show events up to position {position}, and the newest event is at {head}: the events "
            "were restored without the tables. Run `turnlog rebuild all` and `turnlog epoch new`, then start again."
        )


async def check_rows_match_events(dsn: str) -> None:
    """The read tables are not ahead of the events.

    Raises:
        RowsAheadOfEvents: they are.
        psycopg.OperationalError: the database cannot be reached.
    """
    async with await connect(dsn) as connection:
        row = await (await connection.execute(_ROWS_AHEAD, [CHECKPOINT_NAME])).fetchone()
    if row is not None:
        raise RowsAheadOfEvents(*row)
