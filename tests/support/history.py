"""The history checker: what the writers were told, held against all that is stored.

Writers may share a log: a line is one write at the end of the file, so the lines of many tasks and processes never mix,
and what is written stays when its writer is killed. At the end `judge` reads it all.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec
import psycopg
from msgspec import Struct

from adapters.postgres.recorded import from_rows
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import evolve
from domain.conversation.transitions import may_happen
from domain.ids import CommandId, ConversationId
from domain.ports import RecordedEvent


class Outcome(StrEnum):
    """What a writer knows of a command. `FAIL` says that it was certainly not stored, `UNKNOWN` that it may be."""

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `versions` are those of the events of an acknowledged command; none when its wish was true already."""

    outcome: Outcome
    command_id: CommandId
    conversation_id: ConversationId
    versions: tuple[int, ...] = ()
    code: str | None = None


class HistoryLog:
    """Writes the lines. Shared by the tasks of a process; another process opens the same path for itself."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def invoke(self, conversation_id: str, command_id: str) -> None:
        """Before anything is sent, also before each time the command is sent again."""
        self._write(Outcome.INVOKE, conversation_id, command_id)

    def ok(self, conversation_id: str, command_id: str, versions: Iterable[int]) -> None:
        """The command was acknowledged as these versions."""
        self._write(Outcome.OK, conversation_id, command_id, tuple(versions))

    def fail(self, conversation_id: str, command_id: str, code: str) -> None:
        """The command was refused, and its sender was told that nothing was stored."""
        self._write(Outcome.FAIL, conversation_id, command_id, code=code)

    def unknown(self, conversation_id: str, command_id: str, code: str) -> None:
        """No answer, or one that says that nobody knows."""
        self._write(Outcome.UNKNOWN, conversation_id, command_id, code=code)

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(
        self,
        outcome: Outcome,
        conversation_id: str,
        command_id: str,
        versions: tuple[int, ...] = (),
        code: str | None = None,
    ) -> None:
        entry = Entry(
            outcome=outcome,
            command_id=CommandId(command_id),
            conversation_id=ConversationId(conversation_id),
            versions=versions,
            code=code,
        )
        os.write(self._descriptor, msgspec.json.encode(entry) + b"\n")


def read_log(*paths: Path) -> list[Entry]:
    """All entries; a last line that a kill cut off is left out."""
    entries: list[Entry] = []
    for path in paths:
        complete, _, _ = path.read_bytes().rpartition(b"\n")
        entries.extend(msgspec.json.decode(line, type=Entry) for line in complete.splitlines())
    return entries


def stored_events(dsn: str) -> tuple[RecordedEvent, ...]:
    """The whole table, in the order of positions."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.cursor(binary=True).execute(
            "SELECT originator_id::text, originator_version, topic, state, notification_id, tenant_id::text, "
            "recorded_at FROM stored_events ORDER BY notification_id"
        )
        return from_rows(rows)


def judge(entries: Sequence[Entry], stored: Sequence[RecordedEvent], *, check_transitions: bool = True) -> list[str]:
    """What is wrong, in sentences; nothing when the store kept its word.

    Without `check_transitions` the events need not make a conversation: for tests of the store below the domain.
    """
    violations = [*_holes(stored), *_doubled_effects(stored), *_answers(entries, stored)]
    return [*violations, *_illegal(stored)] if check_transitions else violations


def _holes(stored: Sequence[RecordedEvent]) -> list[str]:
    """Versions count 1, 2, 3 in the order of positions."""
    versions: dict[ConversationId, int] = defaultdict(int)
    violations = []
    for event in stored:
        expected = versions[event.conversation_id] + 1
        if event.version != expected:
            violations.append(f"{event.conversation_id}: version {event.version} stands where {expected} is due")
        versions[event.conversation_id] = event.version
    return violations


def _doubled_effects(stored: Sequence[RecordedEvent]) -> list[str]:
    """The events of a command are in one conversation, side by side and recorded at once; event ids are unique."""
    violations = []
    for command_id, events in _by_command(stored).items():
        first = events[0]
        side_by_side = [(first.conversation_id, first.version + offset) for offset in range(len(events))]
        if [(event.conversation_id, event.version) for event in events] != side_by_side:
            violations.append(f"command {command_id} took effect more than once: {_places(events)}")
        if len({event.recorded_at for event in events}) > 1:
            violations.append(f"command {command_id} was stored in pieces: {_places(events)}")
    if len({event.event_id for event in stored}) != len(stored):
        violations.append("an event id is stored twice")
    return violations


def _answers(entries: Sequence[Entry], stored: Sequence[RecordedEvent]) -> list[str]:
    """What was acknowledged is there as it was told, what was refused is not, and nothing came from nobody."""
    by_command = _by_command(stored)
    told: dict[CommandId, list[Entry]] = defaultdict(list)
    for entry in entries:
        told[entry.command_id].append(entry)
    violations = [
        f"command {command_id} is stored and nobody sent it" for command_id in by_command if command_id not in told
    ]
    for command_id, of_command in told.items():
        places = [(event.conversation_id, event.version) for event in by_command.get(command_id, [])]
        violations.extend(_broken_words(command_id, of_command, places))
    return violations


def _broken_words(command_id: CommandId, entries: list[Entry], places: list[tuple[ConversationId, int]]) -> list[str]:
    acknowledged = {(entry.conversation_id, entry.versions) for entry in entries if entry.outcome is Outcome.OK}
    if len(acknowledged) > 1:
        return [f"command {command_id} got different answers: {sorted(acknowledged)}"]
    for conversation_id, versions in acknowledged:
        if places != [(conversation_id, version) for version in versions]:
            return [f"command {command_id} was acknowledged as {versions} and is stored as {places}"]
    # Whoever got no answer at all counts as unknown: the log may end in the middle.
    sent = sum(entry.outcome is Outcome.INVOKE for entry in entries)
    refused = sum(entry.outcome is Outcome.FAIL for entry in entries)
    if places and not acknowledged and refused >= sent:
        return [f"command {command_id} was refused each time and is stored as {places}"]
    return []


def _illegal(stored: Sequence[RecordedEvent]) -> list[str]:
    """Every event is one that the table allows in the state before it."""
    conversations: dict[ConversationId, Conversation] = {}
    violations = []
    for recorded in stored:
        conversation_id = recorded.conversation_id
        conversation = conversations.get(conversation_id) or Conversation(
            id=conversation_id, tenant_id=recorded.tenant_id
        )
        if not may_happen(type(recorded.event), conversation.state):
            name = type(recorded.event).__name__
            violations.append(f"{conversation_id}: {name} in {conversation.state}, version {recorded.version}")
        conversations[conversation_id] = evolve(conversation, recorded.event, recorded.origin.occurred_at)
    return violations


def _by_command(stored: Sequence[RecordedEvent]) -> dict[CommandId, list[RecordedEvent]]:
    by_command: dict[CommandId, list[RecordedEvent]] = defaultdict(list)
    for event in stored:
        by_command[event.origin.command_id].append(event)
    return by_command


def _places(events: Sequence[RecordedEvent]) -> list[tuple[ConversationId, int]]:
    return [(event.conversation_id, event.version) for event in events]
