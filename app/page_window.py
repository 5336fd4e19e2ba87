"""The page of a list that is walked over once: as many rows are kept as the page has, and one, however long it is."""

from collections.abc import Callable
from typing import Generic, TypeVar

from app.queries import ConversationQuery, MessageQuery, RowPage, unknown_cursor
from projections.rows import MessageRow, SessionRow

Row = TypeVar("Row", SessionRow, MessageRow)


class PageWindow(Generic[Row]):
    """The rows next to the query's cursor. All rows are added, those with the lower place first."""

    def __init__(self, query: ConversationQuery | MessageQuery) -> None:
        self._query = query
        self._cursor = query.after or query.before
        self._is_upwards = (query.order == "asc") is (query.before is None)
        self._has_met_cursor = False
        self._rows: dict[str, Row] = {}

    def add(self, row: Row, *, is_asked_for: bool) -> None:
        """The next row of the list; one that the filters leave out may still be the cursor."""
        if row.id == self._cursor:
            self._has_met_cursor = True
        elif is_asked_for and self._is_on_the_side_asked_for():
            self._keep(row)

    def change(self, row_id: str, changed: Callable[[Row], Row]) -> None:
        """A row that was added is another now; its place stays."""
        row = self._rows.get(row_id)
        if row is not None:
            self._rows[row_id] = changed(row)

    def page(self) -> RowPage[Row]:
        """The page, in the order asked for.

        Raises:
            InvalidQuery: the cursor was not among the rows.
        """
        if self._cursor is not None and not self._has_met_cursor:
            raise unknown_cursor(self._query)
        limit = self._query.limit
        kept = tuple(self._rows.values())
        rows = kept[:limit] if self._is_upwards else kept[-limit:]
        return RowPage(rows if self._query.order == "asc" else rows[::-1], has_more=len(kept) > limit)

    def _is_on_the_side_asked_for(self) -> bool:
        return self._cursor is None or self._has_met_cursor is self._is_upwards

    def _keep(self, row: Row) -> None:
        is_full = len(self._rows) > self._query.limit
        if is_full and self._is_upwards:
            return
        if is_full:
            del self._rows[next(iter(self._rows))]
        self._rows[row.id] = row
