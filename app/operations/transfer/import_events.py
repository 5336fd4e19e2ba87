"""`turnlog import events`: the events of an export taken over as they are, whole conversations or nothing of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, Final, Protocol

import msgspec
from msgspec import Struct

from app.operations.transfer.event_lines import BadEventFile, read_events
from app.ports import Fault, RawEvent, TakenOver
from app.wire_culprits import holds_nul, path_of_text
from domain.errors import CorruptEvent, UnknownEvent
from domain.ids import ConversationId

BATCH_MAX_EVENTS: Final = 500
"""They are stored under the lock that every append takes: a service beside the import waits for no more than these."""

BATCH_MAX_BYTES: Final = 4 * 2**20

_MAY_HOLD_NUL: Final = b"\\u0000"

Decode = Callable[[str, bytes], object]
"""Reads a stored event. Raises UnknownEvent for one that newer code wrote, CorruptEvent for one that none did."""


class Intake(Protocol):
    """Where events are taken over."""

    async def take(self, events: Sequence[RawEvent]) -> list[TakenOver]:
        """Store those that are not there. One outcome for each conversation."""
        ...


class ImportedEvents(Struct, eq=False):
    """What became of the events of a file. `conflicts` are the conversations that were left alone, and why."""

    read: int = 0
    added: int = 0
    present: int = 0
    conflicts: dict[ConversationId, TakenOver] = msgspec.field(default_factory=dict)

    @property
    def conflicting(self) -> int:
        """Events of conversations that were left alone."""
        return self.read - self.added - self.present


class Checked(Struct, frozen=True):
    """A file that can be taken in. `unknown_events` were written by newer code."""

    events: int
    unknown_events: int


def check_events(lines: BinaryIO, decode: Decode, on_events: Callable[[int], None], *, allow_unknown: bool) -> Checked:
    """Read the file from end to end before anything is stored.

    Raises:
        BadEventFile: the first thing that is wrong with it.
    """
    events = unknown_events = 0
    for number, event in read_events(lines):
        is_known = _check_event(number, event, decode)
        if not is_known and not allow_unknown:
            raise BadEventFile(
                f"Line {number} has an event {event.topic!r} that this release does not know. Import with the release "
                "that wrote it, or with --allow-unknown take it over unread."
            )
        events += 1
        unknown_events += not is_known
        on_events(1)
    return Checked(events, unknown_events)


async def import_events(
    events: Iterable[tuple[int, RawEvent]],
    intake: Intake,
    on_batch: Callable[[int], None],
    on_conflict: Callable[[TakenOver], None],
) -> ImportedEvents:
    """Store what is not there yet, in the order of the file. What was stored stays when it is cut off in the middle.

    Once a conversation has a conflict, the rest of it is left out.
    """
    report = ImportedEvents()
    for batch in batches(event for _, event in events):
        wanted = [event for event in batch if event.conversation_id not in report.conflicts]
        for taken in await intake.take(wanted) if wanted else ():
            report.added += taken.added
            report.present += 0 if taken.fault else taken.present
            if taken.fault:
                report.conflicts[taken.conversation_id] = taken
                on_conflict(taken)
        report.read += len(batch)
        on_batch(len(batch))
    return report


def batches(events: Iterable[RawEvent]) -> Iterator[list[RawEvent]]:
    """Pieces of a size that is stored in a moment. The events of one command stay together.

    Only the first event of a command names it, so a new piece begins with such an event, or with another conversation.
    """
    batch: list[RawEvent] = []
    size_bytes = 0
    for event in events:
        is_full = len(batch) >= BATCH_MAX_EVENTS or size_bytes >= BATCH_MAX_BYTES
        if is_full and not _continues(batch[-1], event):
            yield batch
            batch, size_bytes = [], 0
        batch.append(event)
        size_bytes += len(event.state)
    if batch:
        yield batch


def sentence_of(taken: TakenOver) -> str:
    """Why the conversation was left alone."""
    reasons: dict[Fault, str] = {
        "different": f"has another event at version {taken.version}",
        "hole": f"lacks the events before version {taken.version}",
        "tenant": f"belongs to another tenant than version {taken.version} of the file",
        "command": f"has at version {taken.version} a command id that made something else here",
    }
    reason = reasons[taken.fault] if taken.fault else "was taken over"
    return f"Conversation {taken.conversation_id} {reason}; it is left as it is."


def _continues(last: RawEvent, event: RawEvent) -> bool:
    """Whether the event may belong to the command of the last one."""
    return (
        event.command_id is None
        and event.conversation_id == last.conversation_id
        and event.recorded_at == last.recorded_at
    )


def _check_event(number: int, event: RawEvent, decode: Decode) -> bool:
    """Whether this release knows such events. What it knows it must be able to read."""
    try:
        decode(event.topic, event.state)
        if _holds_nul(event):
            raise BadEventFile(f"Line {number} holds a NUL character, which the read tables cannot keep.")
    except UnknownEvent:
        return False
    except CorruptEvent as error:
        raise BadEventFile(f"Line {number}: the state is not that of an event {event.topic!r}.") from error
    return True


def _holds_nul(event: RawEvent) -> bool:
    if _MAY_HOLD_NUL not in event.state:
        return "\0" in event.topic
    return path_of_text(msgspec.json.decode(event.state), "", holds_nul) is not None
