"""The tail of the log gives what the log gives, and asks it only for what it was not told."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.event_store import MemoryEventStore
from adapters.system.clock import SystemClock
from app.log_tail import LogTail
from domain.ports import EventPage, RecordedEvent
from tests.support.appends import an_append


class Log:
    """A log with holes, which counts how often it is read."""

    def __init__(self, events: list[RecordedEvent]) -> None:
        self.events = events
        self.reads = 0

    async def read_page(self, after_position: int, limit: int) -> EventPage:
        self.reads += 1
        page = [recorded for recorded in self.events if recorded.position > after_position][:limit]
        return EventPage(page, page[-1].position if page else after_position)

    async def head_position(self) -> int:
        return self.events[-1].position if self.events else 0


async def recorded_events(count: int) -> list[RecordedEvent]:
    """So many events at the positions 1, 2, 3..."""
    store = MemoryEventStore(SystemClock())
    return [recorded for _ in range(count) for recorded in await store.append(an_append())]


async def test_who_follows_reads_nothing_from_the_store() -> None:
    events = await recorded_events(5)
    log = Log(events)
    tail = LogTail(log)
    # given a reader that is at the first event, and told events behind it
    tail.keep(events[:2])
    tail.keep(events[2:])
    # when it reads on page by page
    first = await tail.read_page(1, 2)
    second = await tail.read_page(first.last_position, 10)
    # then it gets all of them, and the store was not asked
    assert [recorded.position for recorded in (*first.events, *second.events)] == [2, 3, 4, 5]
    assert log.reads == 0


async def test_who_has_everything_asks_the_store() -> None:
    events = await recorded_events(2)
    log = Log(events[:1])
    tail = LogTail(log)
    tail.keep(events[:1])
    # given an event that this process has not been told of
    log.events = events
    # then it is found all the same
    assert (await tail.read_page(1, 10)).last_position == 2
    assert log.reads == 1


async def test_who_is_behind_what_is_kept_asks_the_store() -> None:
    events = await recorded_events(6)
    log = Log(events)
    tail = LogTail(log, max_events=2)
    tail.keep(events)

    assert (await tail.read_page(0, 4)).last_position == 4
    assert log.reads == 1
    assert (await tail.read_page(4, 4)).last_position == 6
    assert log.reads == 1


@given(
    holes=st.sets(st.integers(1, 30), max_size=10),
    told=st.sets(st.integers(1, 30)),
    limit=st.integers(1, 7),
    max_events=st.integers(1, 12),
    start=st.integers(0, 30),
)
async def test_it_gives_what_the_log_gives(
    holes: set[int], told: set[int], limit: int, max_events: int, start: int
) -> None:
    events = [recorded for recorded in await recorded_events(30) if recorded.position not in holes]
    tail = LogTail(Log(events), max_events)
    # given that some of the events were told, in order; what is left out was written by newer code, say
    tail.keep([recorded for recorded in events if recorded.position in told])
    # when somebody reads to the end from anywhere
    positions: list[int] = []
    after = start
    while (page := await tail.read_page(after, limit)).events:
        positions += [recorded.position for recorded in page.events]
        after = page.last_position
    # then it is what the log has
    assert positions == [recorded.position for recorded in events if recorded.position > start]
