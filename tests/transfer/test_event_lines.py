"""Whatever is stored stands in the file, and comes out of it in pieces that part no command."""

from datetime import UTC, datetime
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from app.operations.transfer.event_lines import EventLineWriter, Header, read_events
from app.operations.transfer.import_events import BATCH_MAX_EVENTS, batches
from app.ports import EventSelection, RawEvent
from domain.ids import CommandId, ConversationId, TenantId
from tests.support.decider import NOON

ids = st.uuids().map(str)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds
positions = st.integers(0, 2**63 - 1)
raw_events = st.builds(
    RawEvent,
    conversation_id=ids.map(ConversationId),
    version=positions,
    topic=st.text(st.characters(exclude_categories=["Cs"])),
    state=st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode),
    tenant_id=ids.map(TenantId),
    command_id=st.none() | ids.map(CommandId),
    recorded_at=times,
    position=positions,
)


@given(events=st.lists(raw_events))
def test_what_is_written_is_read(events: list[RawEvent]) -> None:
    file = BytesIO()
    header = Header(epoch="e", exported_at=NOON, until_position=0, selection=EventSelection())

    writer = EventLineWriter(file, header)
    writer.write(events)
    writer.finish()

    file.seek(0)
    assert [event for _, event in read_events(file)] == events


@st.composite
def command_sizes(draw: st.DrawFn) -> list[int]:
    """So many events of each command, some of them of a length that a batch ends in."""
    return draw(st.lists(st.integers(1, 5) | st.integers(BATCH_MAX_EVENTS - 3, BATCH_MAX_EVENTS + 3), max_size=12))


@given(sizes=command_sizes())
def test_pieces_hold_whole_commands_in_their_order(sizes: list[int]) -> None:
    events = [
        RawEvent(
            conversation_id=ConversationId("c"),
            version=index,
            topic="t",
            state=b"",
            tenant_id=TenantId("t"),
            command_id=CommandId(str(number)) if index == 0 else None,
            recorded_at=NOON,
            position=0,
        )
        for number, size in enumerate(sizes)
        for index in range(size)
    ]

    pieces = list(batches(iter(events)))

    assert [event for piece in pieces for event in piece] == events
    assert all(piece[0].command_id is not None for piece in pieces)
    assert all(len(piece) < BATCH_MAX_EVENTS + max(sizes) for piece in pieces)
