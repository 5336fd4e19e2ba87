"""What a replay is asked to be: how fast, from where and up to where."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from app.queries import MAX_VERSION, InvalidQuery
from app.ws.resume import MAX_CURSOR_DIGITS, cursor_of

PARAMETER: Final = "replay"
"""Its presence in the address makes a socket one of a replay."""
MAX_SPEED_WORD: Final = "max"
MIN_SPEED: Final = 0.1
MAX_SPEED: Final = 1_000.0

DEFAULT_MAX_PAUSE_S: Final = 5.0
LONGEST_MAX_PAUSE_S: Final = 3_600.0

_NUMBER: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?", re.ASCII)


class ReplayQuery(Struct, frozen=True):
    """The events with `after < version <= until`; without `until`, up to the newest there is when it begins. A speed of
    null is as fast as the client takes it. `epoch` is the one that `after` is from. `max_pause_s` is of the
    conversation's own time: a longer silence is cut to it, before the speed divides it."""

    speed: float | None
    max_pause_s: float = DEFAULT_MAX_PAUSE_S
    after: int = 0
    until: int | None = None
    epoch: str | None = None

    def last(self, head: int, epoch: str) -> int:
        """The version that the replay ends with, of a conversation that is at version `head`.

        Raises:
            InvalidQuery: the conversation has no such events.
        """
        if self.epoch not in (None, epoch):
            raise InvalidQuery("epoch", f"is not {epoch}, that of the events there are: leave `after` out too.")
        if self.until is not None and self.until > head:
            raise InvalidQuery("until", f"is beyond the conversation, which is at version {head}.")
        last = head if self.until is None else self.until
        if self.after > last:
            raise InvalidQuery("after", f"is beyond version {last}, where the replay ends.")
        return last


def replay_of(query: Mapping[str, str]) -> ReplayQuery:
    """What the parameters of an address ask for.

    Raises:
        InvalidQuery: nothing can be replayed like that; `field` names the parameter.
    """
    cursor = cursor_of(query.get("after"), query.get("epoch"), "seq")
    return ReplayQuery(
        speed=_speed(query[PARAMETER]),
        max_pause_s=_max_pause_s(query.get("max_pause_s")),
        after=cursor.after or 0,
        until=_until(query.get("until")),
        epoch=cursor.epoch,
    )


def _speed(text: str) -> float | None:
    if text == MAX_SPEED_WORD:
        return None
    if _NUMBER.fullmatch(text) is None or not MIN_SPEED <= float(text) <= MAX_SPEED:
        raise InvalidQuery(PARAMETER, f"must be a speed from {MIN_SPEED:g} to {MAX_SPEED:g}, or {MAX_SPEED_WORD}.")
    return float(text)


def _max_pause_s(text: str | None) -> float:
    if not text:
        return DEFAULT_MAX_PAUSE_S
    if _NUMBER.fullmatch(text) is None or float(text) > LONGEST_MAX_PAUSE_S:
        raise InvalidQuery("max_pause_s", f"must be a number of seconds from 0 to {LONGEST_MAX_PAUSE_S:g}.")
    return float(text)


def _until(text: str | None) -> int | None:
    if not text:
        return None
    is_number = text.isascii() and text.isdecimal() and len(text) <= MAX_CURSOR_DIGITS
    if not is_number or not 1 <= int(text) <= MAX_VERSION:
        raise InvalidQuery("until", "must be the `seq` that the replay ends with, a whole number from 1.")
    return int(text)
