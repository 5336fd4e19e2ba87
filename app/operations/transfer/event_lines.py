"""The file of events: a header, a line for each event, and a trailer by which a file that was cut off is told.

Format 1. Every line is one JSON object; its field `line` says which of the three it is. The stored JSON of an event is
a text within it, so that no tool on the way can change a byte of it.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, BinaryIO, Final

import msgspec
from msgspec import Meta, Struct

from app.ports import EventSelection, RawEvent
from domain.conversation.field_paths import shown
from domain.ids import CANONICAL_UUID, GivenCommandId, GivenConversationId, TenantId

FORMAT: Final = "turnlog-events"
FORMAT_VERSION: Final = 1
MAX_LINE_BYTES: Final = 64 * 2**20

_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Time = Annotated[datetime, Meta(tz=True)]
_TenantId = Annotated[TenantId, CANONICAL_UUID]


class Header(Struct, frozen=True, kw_only=True, tag_field="line", tag="header"):
    """What the file holds: the events of the store `epoch` up to `until_position` that match the selection."""

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    epoch: str
    exported_at: _Time
    until_position: _Count
    selection: EventSelection


class EventLine(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="event"):
    """One stored event. `state` is its JSON, or `state_base64` where the stored bytes are no UTF-8.

    `command_id` is there on the first event of a command only.
    """

    originator_id: GivenConversationId
    version: _Count
    topic: str
    state: str | None = None
    state_base64: bytes | None = None
    tenant_id: _TenantId
    command_id: GivenCommandId | None = None
    recorded_at: _Time
    position: _Count


class Trailer(Struct, frozen=True, kw_only=True, tag_field="line", tag="trailer"):
    """`sha256` is that of all bytes before this line."""

    events: _Count
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


Line = Header | EventLine | Trailer

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class BadEventFile(Exception):
    """The file cannot be taken in. The sentence names the line."""


class EventLineWriter:
    """Writes a file from its header to its trailer."""

    def __init__(self, out: BinaryIO, header: Header) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self.events = 0
        self._write(_encoder.encode(header) + b"\n")

    def write(self, events: list[RawEvent]) -> None:
        """One line for each."""
        self._write(_encoder.encode_lines([line_of(event) for event in events]))
        self.events += len(events)

    def finish(self) -> None:
        """The last line. Without it the file counts as cut off."""
        self._out.write(_encoder.encode(Trailer(events=self.events, sha256=self._hash.hexdigest())) + b"\n")
        self._out.flush()

    def _write(self, lines: bytes) -> None:
        self._hash.update(lines)
        self._out.write(lines)


def line_of(event: RawEvent) -> EventLine:
    """The event as it stands in the file."""
    try:
        state, state_base64 = event.state.decode(), None
    except UnicodeDecodeError:
        state, state_base64 = None, event.state
    return EventLine(
        originator_id=event.conversation_id,
        version=event.version,
        topic=event.topic,
        state=state,
        state_base64=state_base64,
        tenant_id=event.tenant_id,
        command_id=event.command_id,
        recorded_at=event.recorded_at,
        position=event.position,
    )


def read_events(lines: BinaryIO) -> Iterator[tuple[int, RawEvent]]:
    """The events with the numbers of their lines. Only when it has come to its end is the file known to be whole.

    Raises:
        BadEventFile: at the line that is wrong, or at the end of a file that has no trailer.
    """
    digest = hashlib.sha256()
    events = 0
    for number, raw in _numbered(lines):
        line = _decode(number, raw)
        if (number == 1) != isinstance(line, Header):
            raise BadEventFile(f"Line {number}: an export of events has its header there, and there alone.")
        if isinstance(line, Header):
            _check_format(line)
        elif isinstance(line, EventLine):
            events += 1
            yield number, _event_of(number, line)
        else:
            _check_trailer(line, Trailer(events=events, sha256=digest.hexdigest()))
            if lines.read(1):
                raise BadEventFile(f"Something follows after line {number}, which says that it is the last one.")
            return
        digest.update(raw)
    raise BadEventFile(f"The file ends after {events} events without its last line: it was cut off. Export it again.")


def _numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 1
    try:
        while raw := lines.readline(MAX_LINE_BYTES):
            yield number, raw
            number += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadEventFile(f"The compressed file breaks off or is damaged after line {number - 1}.") from error


def _decode(number: int, raw: bytes) -> Line:
    if not raw.endswith(b"\n"):
        raise BadEventFile(f"Line {number} breaks off: the file was cut off. Export it again.")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadEventFile(f"Line {number} is not one of an export of events: {error}.") from error


def _check_format(header: Header) -> None:
    if header.format != FORMAT:
        raise BadEventFile(f"Line 1 says {shown(header.format)!r}, where an export of events says {FORMAT!r}.")
    if header.format_version > FORMAT_VERSION:
        raise BadEventFile(
            f"The file has format {header.format_version}, and this release reads up to {FORMAT_VERSION}. "
            "Import it with a newer release."
        )


def _check_trailer(said: Trailer, found: Trailer) -> None:
    if said.events != found.events:
        raise BadEventFile(f"The last line counts {said.events} events, and the file has {found.events}.")
    if said.sha256 != found.sha256:
        raise BadEventFile("The checksum in the last line is another one: the file was changed. Export it again.")


def _event_of(number: int, line: EventLine) -> RawEvent:
    if (line.state is None) == (line.state_base64 is None):
        raise BadEventFile(f"Line {number}: an event has either `state` or `state_base64`.")
    return RawEvent(
        conversation_id=line.originator_id,
        version=line.version,
        topic=line.topic,
        state=line.state.encode() if line.state is not None else line.state_base64 or b"",
        tenant_id=line.tenant_id,
        command_id=line.command_id,
        recorded_at=line.recorded_at,
        position=line.position,
    )
