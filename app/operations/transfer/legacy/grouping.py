"""Rows of two tables, each in the order of session ids, put together session by session, one at a time in memory."""

from collections.abc import AsyncIterator
from typing import Final, Generic, TypeVar

from app.operations.transfer.legacy.mapping import RawSession
from app.operations.transfer.legacy.rows import Row

KeyedRow = tuple[str, Row]
"""A row with the id of its session. Rows come in the order of the code points of these ids."""

MAX_PART_MESSAGES: Final = 50_000
MESSAGE_CHARACTERS: Final = 8_000
"""A message that is longer counts as several: it may have to be split, and all of a part is held in memory."""

T = TypeVar("T")


class _Ahead(Generic[T]):
    """An iterator that tells what comes next."""

    def __init__(self, rows: AsyncIterator[T]) -> None:
        self._rows = rows
        self.next: T | None = None

    async def move(self) -> None:
        """On to the next one; None at the end."""
        self.next = await anext(self._rows, None)


async def raw_sessions(
    sessions: AsyncIterator[KeyedRow], messages: AsyncIterator[KeyedRow], max_part_messages: int = MAX_PART_MESSAGES
) -> AsyncIterator[RawSession]:
    """Each session with its messages; messages whose session has no row come alone."""
    session_rows, message_rows = _Ahead(sessions), _Ahead(messages)
    await session_rows.move()
    await message_rows.move()
    while session_rows.next is not None or message_rows.next is not None:
        legacy_id = min(row[0] for row in (session_rows.next, message_rows.next) if row is not None)
        about, _ = await _rows_of(legacy_id, session_rows)
        part, is_last = 1, False
        while not is_last:
            said, is_last = await _rows_of(legacy_id, message_rows, max_part_messages)
            yield RawSession(legacy_id=legacy_id, sessions=about, messages=said, part=part, is_last=is_last)
            part += 1


async def _rows_of(legacy_id: str, rows: _Ahead[KeyedRow], max_weight: int | None = None) -> tuple[list[Row], bool]:
    """The next rows with this id, as many as there is room for, and whether these are all."""
    taken: list[Row] = []
    weight = 0
    while rows.next is not None and rows.next[0] == legacy_id:
        row = rows.next[1]
        weight += _weight(row)
        if taken and max_weight is not None and weight > max_weight:
            return taken, False
        taken.append(row)
        await rows.move()
    return taken, True


def _weight(row: Row) -> int:
    return 1 + sum(len(value) for value in row.values() if value) // MESSAGE_CHARACTERS
