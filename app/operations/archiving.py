"""Moves conversations that have long ended into the archive: batch by batch, beside everything else."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.postgres.archive import BEGINNING, Chosen, PostgresArchive
from app.operations.throttle import Throttle

BATCH_CONVERSATIONS: Final = 200
MIN_AGE: Final = timedelta(hours=1)
"""What may still come late has come by then."""

_AGE = re.compile(r"(?P<count>\d{1,6})(?P<unit>[hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class InvalidAge(ValueError):
    """The text is no age and no time, or too recent; the sentence says what is."""


def ended_before(text: str, now: datetime) -> datetime:
    """The time that `90d`, `12h`, `4w` or an ISO 8601 date or time means.

    Raises:
        InvalidAge: it means none, or one that is too recent.
    """
    time = _time(text, now)
    if time > now - MIN_AGE:
        raise InvalidAge(f"{text!r} is too recent: only conversations that ended an hour ago or earlier are archived.")
    return time


def _time(text: str, now: datetime) -> datetime:
    try:
        if age := _AGE.fullmatch(text):
            return now - int(age["count"]) * _UNITS[age["unit"]]
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InvalidAge(f"{text!r} is no age such as 90d, 12h or 4w, and no date such as 2026-01-31.") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


async def archive(
    store: PostgresArchive, chosen: Chosen, throttle: Throttle, report: Callable[[int, int], None]
) -> tuple[int, int]:
    """Archive all that are chosen. How many conversations and events; `report` hears of each batch's.

    Whenever it is interrupted, what was moved stays moved, and the next call goes on.
    """
    place = BEGINNING
    conversations = events = 0
    while (batch := await store.next_batch(chosen, place, BATCH_CONVERSATIONS)).conversations:
        moved = await store.archive(batch.conversations)
        conversations, events, place = conversations + len(batch.conversations), events + moved, batch.place
        report(len(batch.conversations), moved)
        await throttle.take(moved)
    return conversations, events
