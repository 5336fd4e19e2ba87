"""When the messages of a chat were said: as the file has it, and in between at the speed of speech."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from app.operations.transfer.chats import Chat, ChatMessage, text_of, time_of
from domain.conversation.errors import InvalidCommand

WORDS_PER_S: Final = 2.5
SHORTEST_S: Final = 1.0


class Timeline(Struct, frozen=True):
    """One time for each message. `is_made_up`: the file has none at all, and another day it would be another one."""

    started_at: datetime
    messages: tuple[datetime, ...]
    is_made_up: bool


def timeline(chat: Chat, now: datetime) -> Timeline:
    """Where nothing has a time, the chat ends now.

    Raises:
        InvalidCommand: a time is none.
    """
    given = [_given_time(message, index) for index, message in enumerate(chat.messages)]
    said = [_duration(message, index) for index, message in enumerate(chat.messages)]
    try:
        begun = _beginning(chat, given, said)
        is_made_up = begun is None
        started_at = begun or now - sum(said, timedelta())
        return Timeline(started_at, _filled(started_at, given, said), is_made_up)
    except OverflowError as error:
        raise InvalidCommand("created_at", "is so late that the conversation would end after the year 9999.") from error


def _beginning(chat: Chat, given: Sequence[datetime | None], said: Sequence[timedelta]) -> datetime | None:
    """The chat's own, or so long before the first message with a time as those before it take."""
    line = chat.line
    started_at = time_of(line.started_at if line.created_at is None else line.created_at, "created_at")
    if started_at is not None:
        return started_at
    for index, time in enumerate(given):
        if time is not None:
            return time - sum(said[:index], timedelta())
    return None


def _filled(started_at: datetime, given: Sequence[datetime | None], said: Sequence[timedelta]) -> tuple[datetime, ...]:
    """Who has no time comes after the one before, and not after the next one that has a time."""
    bounds = _next_given(given)
    times: list[datetime] = []
    last = started_at
    for time, duration, bound in zip(given, said, bounds, strict=True):
        if time is not None:
            last = time
        else:
            last = last + duration if bound is None else max(last, min(last + duration, bound))
        times.append(last)
    return tuple(times)


def _next_given(given: Sequence[datetime | None]) -> list[datetime | None]:
    bounds: list[datetime | None] = []
    bound: datetime | None = None
    for time in reversed(given):
        bound = time or bound
        bounds.append(bound)
    return bounds[::-1]


def _given_time(message: ChatMessage, index: int) -> datetime | None:
    given = message.timestamp if message.created_at is None else message.created_at
    return time_of(given, f"messages[{index}].created_at")


def _duration(message: ChatMessage, index: int) -> timedelta:
    words = len((text_of(message, f"messages[{index}]") or "").split())
    return timedelta(seconds=max(SHORTEST_S, words / WORDS_PER_S))
