"""What an import of older rows has done: what was taken in, what was put right by which rule, what was left alone."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from app.operations.transfer.conversation_writer import Fate, Outcome, WriterTally
from app.operations.transfer.legacy.columns import Columns, Tables
from app.operations.transfer.legacy.mapping import RawSession
from app.operations.transfer.legacy.repairs import RULES, Notes, Repair

MAX_EXAMPLES: Final = 5
MAX_LEFT_ALONE: Final = 100
MAX_ID_CHARACTERS: Final = 80


class Repaired(Struct, frozen=True, kw_only=True):
    """How often a rule was needed, and the first ids that it was needed for."""

    rule: str
    does: str
    count: int
    examples: tuple[str, ...]


class LeftAlone(Struct, frozen=True, kw_only=True):
    """A session that was not taken in, and why."""

    id: str
    reason: str


class TableRead(Struct, frozen=True, kw_only=True):
    """What became of the columns of a table. `left_out` are worked out anew from what was said."""

    rows: int
    columns: dict[str, tuple[str, ...]]
    into_metadata: tuple[str, ...]
    left_out: tuple[str, ...]


class Summary(Struct, frozen=True, kw_only=True):
    """The whole report, as `--report` writes it. Ids are those of the older database."""

    dry_run: bool
    sessions: TableRead
    messages: TableRead
    conversations: dict[str, int]
    events_added: int
    repairs: tuple[Repaired, ...]
    left_alone: tuple[LeftAlone, ...]


class Reporter:
    """Counts while the import runs. Holds a few examples of each rule, however many rows there are."""

    def __init__(self, tables: Tables, *, is_dry_run: bool) -> None:
        self.tally = WriterTally()
        self._tables = tables
        self._is_dry_run = is_dry_run
        self._session_rows = 0
        self._message_rows = 0
        self._counts: Counter[Repair] = Counter()
        self._examples: dict[Repair, list[str]] = {}
        self._left_alone: list[LeftAlone] = []

    def read(self, raw: RawSession, notes: Notes) -> None:
        """The rows of a session were read, and put right like this."""
        self._session_rows += len(raw.sessions) if raw.part == 1 else 0
        self._message_rows += len(raw.messages)
        for repair, legacy_id in notes.found:
            self._note(repair, legacy_id)

    def changed(self, legacy_id: str) -> None:
        """A session was continued although its row is another now."""
        self._note(Repair.SESSION_CHANGED, legacy_id)

    def written(self, outcome: Outcome) -> None:
        """This became of a session."""
        self.tally.count(outcome)
        if outcome.fate in (Fate.DIFFERENT, Fate.REFUSED) and len(self._left_alone) < MAX_LEFT_ALONE:
            legacy_id = outcome.history.name[:MAX_ID_CHARACTERS]
            self._left_alone.append(LeftAlone(id=legacy_id, reason=outcome.reason or outcome.fate))

    def summary(self) -> Summary:
        """What there is to say now."""
        tally = self.tally
        return Summary(
            dry_run=self._is_dry_run,
            sessions=_read(self._tables.sessions, self._session_rows),
            messages=_read(self._tables.messages, self._message_rows),
            conversations={
                "added": tally.added,
                "already_there": tally.present,
                "different": tally.different,
                "refused": tally.refused,
            },
            events_added=tally.events_added,
            repairs=tuple(self._repaired(repair) for repair in _needed(self._counts)),
            left_alone=tuple(self._left_alone),
        )

    def _note(self, repair: Repair, legacy_id: str) -> None:
        self._counts[repair] += 1
        examples = self._examples.setdefault(repair, [])
        if len(examples) < MAX_EXAMPLES and (shown := legacy_id[:MAX_ID_CHARACTERS]) not in examples:
            examples.append(shown)

    def _repaired(self, repair: Repair) -> Repaired:
        return Repaired(
            rule=repair,
            does=RULES[repair],
            count=self._counts[repair],
            examples=tuple(self._examples[repair]),
        )


def as_json(summary: Summary) -> bytes:
    """The report as a file."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"


def _needed(counts: Counter[Repair]) -> Iterable[Repair]:
    return [repair for repair in Repair if counts[repair]]


def _read(columns: Columns, rows: int) -> TableRead:
    return TableRead(rows=rows, columns=columns.meanings, into_metadata=columns.extra, left_out=columns.left_out)
