"""Texts of columns, whatever their type was, as the values that they stand for; None for what cannot be read."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

_EPOCH: Final = re.compile(r"\d{9,13}(\.\d+)?")
_FIRST_EPOCH_MS: Final = 10**11
_SECONDS: Final = re.compile(r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?", re.IGNORECASE)
_INTERVAL: Final = re.compile(
    r"(?=.)((?P<days>[-+]?\d+) days?)?\s*((?P<sign>[-+]?)(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(\.\d+)?))?"
)
_FLAGS: Final = {
    **dict.fromkeys(("true", "t", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "f", "0", "no", "n", "off"), False),
}
_ENDED_WORDS: Final = frozenset(
    {"closed", "complete", "completed", "done", "ended", "expired", "finished", "inactive", "terminated"}
)
_FIRST_TIME: Final = datetime(1, 1, 2, tzinfo=UTC)
_LAST_TIME: Final = datetime(9999, 12, 30, tzinfo=UTC)


def time_of(text: str, zone: tzinfo) -> datetime | None:
    """A time in UTC. One without an offset is taken in `zone`; a number counts seconds, or milliseconds, from 1970."""
    text = text.strip()
    try:
        parsed = _of_epoch(float(text)) if _EPOCH.fullmatch(text) else datetime.fromisoformat(text)
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
        at = zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if _FIRST_TIME <= at <= _LAST_TIME else None


def later(at: datetime, duration: timedelta) -> datetime | None:
    """So long after a time, where that is still a time."""
    try:
        moved = at + duration
    except OverflowError:
        return None
    return moved if moved <= _LAST_TIME else None


def duration_of(text: str) -> timedelta | None:
    """Seconds, or an interval as Postgres writes it in days and hours."""
    text = text.strip()
    try:
        if _SECONDS.fullmatch(text):
            return timedelta(seconds=float(text))
        interval = _INTERVAL.fullmatch(text)
        return _of_interval(interval) if interval else None
    except (ValueError, OverflowError):
        return None


def flag_of(text: str) -> bool | None:
    """A truth, in any of the ways to write one."""
    return _FLAGS.get(text.strip().lower())


def is_active_status(text: str) -> bool:
    """Whether a session with this status goes on."""
    return text.strip().lower() not in _ENDED_WORDS


def _of_epoch(number: float) -> datetime:
    return datetime.fromtimestamp(number / 1_000 if number >= _FIRST_EPOCH_MS else number, UTC)


def _of_interval(interval: re.Match[str]) -> timedelta:
    hours, minutes, seconds = (float(interval[name] or 0) for name in ("hours", "minutes", "seconds"))
    clock = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timedelta(days=int(interval["days"] or 0)) + (-clock if interval["sign"] == "-" else clock)
