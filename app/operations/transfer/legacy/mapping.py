"""A session of an older database as a history: the commands that would have made it here, at their own times."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct
from msgspec.structs import replace

from app.operations.transfer.histories import History, PastCommand
from app.operations.transfer.legacy.columns import Tables
from app.operations.transfer.legacy.identity import Identity, is_canonical
from app.operations.transfer.legacy.metadata import PREFIX, Pair, fitted
from app.operations.transfer.legacy.repairs import Notes, Repair
from app.operations.transfer.legacy.rows import LegacyMessage, LegacySession, Reader, Row
from app.operations.transfer.legacy.timeline import Ending, Timed, ended, in_order, started
from app.operations.transfer.legacy.turns import ROLES, TurnWriter
from domain.conversation import commands as c


class RawSession(Struct, frozen=True, kw_only=True):
    """All rows with one session id. A session that is too long comes in several parts, the last of which `is_last`."""

    legacy_id: str
    sessions: Sequence[Row]
    messages: Sequence[Row]
    part: int = 1
    is_last: bool = True


class Terms(Struct, frozen=True, kw_only=True):
    """How an import reads: what its columns mean, where times without an offset are, and from when on it closes."""

    tables: Tables
    identity: Identity
    zone: tzinfo
    keep_open_since: datetime


def history_of(raw: RawSession, terms: Terms, notes: Notes) -> History:
    """What the rows become. Never raises, however odd they are; what was put right is noted."""
    messages = _messages(raw, terms, notes)
    session = _session(raw, messages, terms, notes)
    timed = in_order(session, messages, notes)
    is_continued = raw.part > 1 and bool(timed)
    start = timed[0].at if is_continued else started(session, timed, notes)
    ending = ended(session, start, timed, notes, terms.keep_open_since) if raw.is_last else _goes_on(start, timed)
    conversation_id = terms.identity.conversation_id(raw.legacy_id, raw.part)
    turns = TurnWriter(terms.identity, conversation_id, session.user_id, notes)
    return History(
        name=raw.legacy_id,
        tenant_id=terms.identity.tenant_id,
        conversation_id=conversation_id,
        commands=(_start(raw, session, terms.identity, start, notes), *_said(turns, timed, ending)),
    )


def _messages(raw: RawSession, terms: Terms, notes: Notes) -> list[LegacyMessage]:
    reader = Reader(terms.tables.messages, terms.zone, notes)
    if not raw.sessions and raw.messages:
        named = reader.names_session(raw.messages[0])
        notes.note(Repair.SESSION_MISSING if named else Repair.SESSION_ID_MISSING, raw.legacy_id)
    return [reader.message(row, raw.legacy_id) for row in raw.messages]


def _session(raw: RawSession, messages: Sequence[LegacyMessage], terms: Terms, notes: Notes) -> LegacySession:
    """With its user. One that has no row starts with its first message."""
    if raw.sessions:
        session = Reader(terms.tables.sessions, terms.zone, notes).session(raw.legacy_id, raw.sessions)
    else:
        times = [message.at for message in messages if message.at is not None]
        session = LegacySession(legacy_id=raw.legacy_id, started_at=min(times, default=None))
    if session.user_id is not None:
        return session
    users = {message.user_id for message in messages if _is_of_user(message) and message.user_id is not None}
    notes.note(Repair.USER_ID_FROM_MESSAGES if len(users) == 1 else Repair.USER_ID_UNKNOWN, raw.legacy_id)
    return replace(session, user_id=users.pop() if len(users) == 1 else None)


def _is_of_user(message: LegacyMessage) -> bool:
    return ROLES.get((message.role or "").lower()) == "user"


def _start(raw: RawSession, session: LegacySession, identity: Identity, start: datetime, notes: Notes) -> PastCommand:
    conversation_id = identity.conversation_id(raw.legacy_id, raw.part)
    added: list[Pair] = []
    if raw.part > 1:
        notes.note(Repair.SESSION_TOO_LONG, raw.legacy_id)
        added.append((f"{PREFIX}part", str(raw.part)))
    if not is_canonical(raw.legacy_id):
        notes.note(Repair.SESSION_ID_DERIVED, raw.legacy_id)
    if not is_canonical(raw.legacy_id) or raw.part > 1:
        added.append((f"{PREFIX}id", raw.legacy_id))
    command = c.StartConversation(
        user_id=session.user_id,
        agent=session.agent,
        channel=session.channel,
        language=session.language,
        metadata=fitted([*added, *session.metadata], notes, raw.legacy_id),
        parent_id=identity.conversation_id(raw.legacy_id) if raw.part > 1 else None,
    )
    command_id = identity.command_id(conversation_id, "start")
    return PastCommand(command=command, occurred_at=start, command_id=command_id, place="session")


def _goes_on(start: datetime, messages: Sequence[Timed]) -> Ending:
    """The end of a part that another one follows."""
    at = messages[-1].at if messages else start
    return Ending(at=at, reason="max_duration", detail="It was too long, and goes on in another conversation.")


def _said(turns: TurnWriter, messages: Sequence[Timed], ending: Ending | None) -> Iterator[PastCommand]:
    """Everything after the start. What comes after the end is late."""
    if ending is None:
        yield from turns.commands(messages)
        return
    yield from turns.commands(one for one in messages if one.at <= ending.at)
    yield turns.end(ending)
    yield from turns.commands((one for one in messages if one.at > ending.at), late=True)
