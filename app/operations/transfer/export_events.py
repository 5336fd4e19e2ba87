"""`turnlog export events`: the history of the store, byte for byte, up to the moment of asking."""

from collections.abc import AsyncIterator, Callable
from typing import BinaryIO, Protocol

from app.operations.transfer.event_lines import EventLineWriter, Header
from app.ports import EventSelection, RawEvent
from domain.ports import Clock


class EventSource(Protocol):
    """All that was stored at one moment."""

    async def epoch(self) -> str:
        """The incarnation of the store."""
        ...

    async def head_position(self) -> int:
        """The position of the last event, 0 when there is none."""
        ...

    def pages(self, selection: EventSelection, until_position: int) -> AsyncIterator[list[RawEvent]]:
        """The chosen events up to this position, in the order of positions."""
        ...


async def export_events(
    source: EventSource,
    selection: EventSelection,
    out: BinaryIO,
    clock: Clock,
    on_page: Callable[[int, int, int], None],
) -> int:
    """Write the chosen events. Gives their number. `on_page` hears the events of a page, its position and the last one.

    Holds one page in memory, however many there are.
    """
    until_position = await source.head_position()
    header = Header(
        epoch=await source.epoch(),
        exported_at=clock.now(),
        until_position=until_position,
        selection=selection,
    )
    writer = EventLineWriter(out, header)
    async for events in source.pages(selection, until_position):
        writer.write(events)
        on_page(len(events), events[-1].position, until_position)
    writer.finish()
    return writer.events
