"""Rows of two sorted tables become sessions: each row in exactly one, in its order, with little held at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.operations.transfer.legacy.grouping import KeyedRow, raw_sessions
from app.operations.transfer.legacy.mapping import RawSession

KEYS = st.lists(st.sampled_from(["", "a", "b", "c", "\U0001f600", "\uffee"]), max_size=12)


async def given_rows(keys: Sequence[str]) -> AsyncIterator[KeyedRow]:
    for number, key in enumerate(keys):
        yield key, {"row": str(number)}


async def grouped(sessions: Sequence[str], messages: Sequence[str], max_part_messages: int) -> list[RawSession]:
    return [raw async for raw in raw_sessions(given_rows(sessions), given_rows(messages), max_part_messages)]


@given(KEYS.map(sorted), KEYS.map(sorted), st.integers(1, 3))
def test_every_row_is_in_one_session_in_its_order(
    sessions: list[str], messages: list[str], max_part_messages: int
) -> None:
    raws = asyncio.run(grouped(sessions, messages, max_part_messages))

    said = [(raw.legacy_id, row["row"]) for raw in raws for row in raw.messages]
    assert said == [(key, str(number)) for number, key in enumerate(messages)]
    about = [(raw.legacy_id, row["row"]) for raw in raws if raw.part == 1 for row in raw.sessions]
    assert about == [(key, str(number)) for number, key in enumerate(sessions)]
    assert [raw.legacy_id for raw in raws if raw.is_last] == sorted({*sessions, *messages})
    assert all(len(raw.messages) <= max_part_messages for raw in raws)


def test_long_messages_count_for_several() -> None:
    async def long_rows() -> AsyncIterator[KeyedRow]:
        for _ in range(4):
            yield "a", {"content": "x" * 20_000}

    async def parts() -> list[int]:
        return [len(raw.messages) async for raw in raw_sessions(given_rows(["a"]), long_rows(), 6)]

    assert asyncio.run(parts()) == [2, 2]
