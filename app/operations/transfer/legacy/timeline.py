"""When a session began and ended, where its row says it, and where it does not."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from app.operations.transfer.legacy.repairs import Notes, Repair
from app.operations.transfer.legacy.rows import LegacyMessage, LegacySession
from app.operations.transfer.legacy.values import later
from domain.conversation.limits import LATE_MESSAGE_GRACE_SECONDS
from domain.conversation.values import EndedReason

NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DETAIL_CHARACTERS: Final = 2_000

_GRACE: Final = timedelta(seconds=LATE_MESSAGE_GRACE_SECONDS)
_SAME: Final = timedelta(seconds=1)
_NUMBER: Final = re.compile("[0-9]{1,19}")
_REASONS: Final[dict[str, EndedReason]] = {reason: reason for reason in get_args(EndedReason)}


class Timed(Struct, frozen=True):
    """A message with its time in the conversation."""

    message: LegacyMessage
    at: datetime


class Ending(Struct, frozen=True, kw_only=True):
    """How a conversation ended."""

    at: datetime
    reason: EndedReason = "user_ended"
    detail: str | None = None


def in_order(session: LegacySession, messages: Sequence[LegacyMessage], notes: Notes) -> list[Timed]:
    """The messages by their times, those of the same time as they are given. One without a time follows its neighbour.

    Those before which there is none are placed at the session's start.
    """
    if any(message.at is None for message in messages):
        messages = _by_number(messages)
    at, timed = session.started_at or _first_time(messages) or _any_time(session), []
    for message in messages:
        if message.at is None:
            notes.note(Repair.MESSAGE_TIME_MISSING, message.legacy_id or "-")
        at = message.at or at
        timed.append(Timed(message, at))
    return sorted(timed, key=lambda one: one.at)


def started(session: LegacySession, messages: Sequence[Timed], notes: Notes) -> datetime:
    """When the conversation begins: never after its first message."""
    first = messages[0].at if messages else None
    if session.started_at is None:
        start = first or _any_time(session)
        notes.note(Repair.TIME_UNKNOWN if start == NO_TIME else Repair.START_MISSING, session.legacy_id)
        return start
    if first is not None and first < session.started_at:
        notes.note(Repair.START_AFTER_FIRST_MESSAGE, session.legacy_id)
        return first
    return session.started_at


def ended(
    session: LegacySession, start: datetime, messages: Sequence[Timed], notes: Notes, keep_open_since: datetime
) -> Ending | None:
    """How the conversation ended; None where it goes on. At most messages of the grace period come after it."""
    last_message_at = messages[-1].at if messages else start
    last_activity_at = max(start, last_message_at, session.last_activity_at or start)
    ending = _given_end(session, start, last_activity_at, notes)
    if ending is None:
        return _without_end(session, last_activity_at, notes, keep_open_since)
    if last_message_at > ending.at + _GRACE:
        notes.note(Repair.END_BEFORE_LAST_MESSAGE, session.legacy_id)
        return replace(ending, at=last_message_at)
    return ending


def _given_end(session: LegacySession, start: datetime, last_activity_at: datetime, notes: Notes) -> Ending | None:
    if session.ended_at is None:
        # Zero is what the column has before anything is known.
        end = later(start, session.duration) if session.duration and not session.is_active else None
        if end is not None:
            notes.note(Repair.END_FROM_DURATION, session.legacy_id)
            return _ending(session, end)
        return None
    if session.is_active:
        notes.note(Repair.ACTIVE_BUT_ENDED, session.legacy_id)
    if session.ended_at < start:
        notes.note(Repair.END_BEFORE_START, session.legacy_id)
        return _ending(session, last_activity_at)
    if session.duration is not None and abs(session.ended_at - start - session.duration) > _SAME:
        notes.note(Repair.DURATION_DIFFERS, session.legacy_id)
    return _ending(session, session.ended_at)


def _without_end(
    session: LegacySession, last_activity_at: datetime, notes: Notes, keep_open_since: datetime
) -> Ending | None:
    if session.is_active is False:
        notes.note(Repair.END_FROM_LAST_ACTIVITY, session.legacy_id)
        return _ending(session, last_activity_at)
    if last_activity_at >= keep_open_since:
        notes.note(Repair.KEPT_OPEN, session.legacy_id)
        return None
    notes.note(Repair.NEVER_CLOSED, session.legacy_id)
    return Ending(at=last_activity_at, reason="idle_timeout", detail="It was never closed.")


def _ending(session: LegacySession, at: datetime) -> Ending:
    """With the reason that the row gives: as one of ours, or in its own words."""
    given = session.ended_reason
    if given is None:
        return Ending(at=at)
    reason = _REASONS.get(given.lower())
    return Ending(at=at, reason=reason) if reason else Ending(at=at, detail=given[:MAX_DETAIL_CHARACTERS])


def _any_time(session: LegacySession) -> datetime:
    """One that is not its start."""
    return session.created_at or session.last_activity_at or session.ended_at or NO_TIME


def _first_time(messages: Sequence[LegacyMessage]) -> datetime | None:
    return min((message.at for message in messages if message.at is not None), default=None)


def _by_number(messages: Sequence[LegacyMessage]) -> Sequence[LegacyMessage]:
    """In the order of their ids where all are numbers; as they are otherwise."""
    numbers = [message.legacy_id or "" for message in messages]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return messages
    return sorted(messages, key=lambda message: int(message.legacy_id or 0))
