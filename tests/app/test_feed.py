"""The feed tells everything, in the order of positions, whoever stored it, and reads nothing that it knows."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.event_store import MemoryEventStore
from adapters.system.clock import SystemClock
from app.feed import Feed
from domain.errors import StoreUnavailable
from domain.ports import EventPage, RecordedEvent
from tests.support.appends import an_append

NEVER_S = 3_600.0


class Log:
    """The store's log, which counts how many events were read from it, and may be away."""

    def __init__(self) -> None:
        self.store = MemoryEventStore(SystemClock())
        self.events_read = 0
        self.is_away = False
        self._held = anyio.Event()
        self._released = anyio.Event()
        self._released.set()

    async def read_page(self, after_position: int, limit: int) -> EventPage:
        if self.is_away:
            raise StoreUnavailable
        page = await self.store.read_page(after_position, limit)
        self.events_read += len(page.events)
        self._held.set()
        if not self._released.is_set():
            await self._released.wait()
        return page

    def hold_pages(self) -> None:
        """Let the next page be on its way until it is released."""
        self._held, self._released = anyio.Event(), anyio.Event()

    async def page_is_held(self) -> None:
        with anyio.fail_after(5):
            await self._held.wait()

    def release_pages(self) -> None:
        self._released.set()

    async def head_position(self) -> int:
        return await self.store.head_position()


class Listener:
    """Remembers the positions that it was told of."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self._told = anyio.Event()

    def __call__(self, events: Sequence[RecordedEvent]) -> None:
        self.positions += [recorded.position for recorded in events]
        self._told.set()

    async def has_heard(self, positions: list[int]) -> None:
        with anyio.fail_after(5):
            while self.positions != positions:
                await self._told.wait()
                self._told = anyio.Event()


@asynccontextmanager
async def running(
    log: Log, listener: Listener, poll_interval_s: float = NEVER_S, *, ordered: Listener | None = None
) -> AsyncIterator[Feed]:
    feed = Feed(log, [listener], poll_interval_s, ordered_listeners=[ordered] if ordered else [])
    await feed.start()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(feed.run)
        yield feed
        tasks.cancel_scope.cancel()


async def test_what_this_process_has_stored_is_told_at_once_and_not_read_again() -> None:
    log, listener = Log(), Listener()
    async with running(log, listener) as feed:
        # given commits of this process, one after the other and several at once
        feed.committed(await log.store.append(an_append()))
        feed.committed([*await log.store.append(an_append()), *await log.store.append(an_append())])
        # then they are told before anybody waits, and the cursor has moved on
        assert listener.positions == [1, 2, 3]
        assert feed.position == 3
        # when the feed looks all the same
        feed.wake()
        await anyio.sleep(0.05)
    # then there is nothing to read
    assert log.events_read == 0


async def test_what_another_process_has_stored_is_read_when_a_hint_comes() -> None:
    log, listener = Log(), Listener()
    async with running(log, listener) as feed:
        await log.store.append(an_append())
        await log.store.append(an_append())
        feed.wake()
        await listener.has_heard([1, 2])


async def test_without_any_hint_it_is_read_within_the_poll_interval() -> None:
    log, listener = Log(), Listener()
    async with running(log, listener, poll_interval_s=0.05):
        await log.store.append(an_append())
        await listener.has_heard([1])


async def test_a_commit_behind_somebody_elses_leaves_the_cursor_where_it_must_read_on() -> None:
    log, listener = Log(), Listener()
    async with running(log, listener) as feed:
        # given an event of another process, not yet read, and one of this process behind it
        await log.store.append(an_append())
        feed.committed(await log.store.append(an_append()))
        assert listener.positions == [2]
        assert feed.position == 0
        # when the hint comes
        feed.wake()
        # then both are told in order; who knows the second already drops it by its version
        await listener.has_heard([2, 1, 2])


async def test_it_begins_at_the_head() -> None:
    log, listener = Log(), Listener()
    await log.store.append(an_append())
    async with running(log, listener) as feed:
        feed.wake()
        await anyio.sleep(0.05)
    assert listener.positions == []


async def test_a_store_that_is_away_is_waited_for() -> None:
    log, listener = Log(), Listener()
    async with running(log, listener, poll_interval_s=0.02) as feed:
        log.is_away = True
        await log.store.append(an_append())
        await anyio.sleep(0.1)
        assert not feed.is_reading
        log.is_away = False
        await listener.has_heard([1])
        assert feed.is_reading


async def test_ordered_listeners_are_told_each_event_once_in_the_order_of_positions() -> None:
    log, quick, ordered = Log(), Listener(), Listener()
    async with running(log, quick, ordered=ordered) as feed:
        # given what this process stores with nothing before it: both are told at once
        feed.committed([*await log.store.append(an_append()), *await log.store.append(an_append())])
        assert quick.positions == ordered.positions == [1, 2]
        # when another process is first, and its event has not been read yet
        await log.store.append(an_append())
        feed.committed(await log.store.append(an_append()))
        assert (quick.positions, ordered.positions) == ([1, 2, 4], [1, 2])
        feed.wake()
        # then the ordered listener has waited
        await quick.has_heard([1, 2, 4, 3, 4])
        assert ordered.positions == [1, 2, 3, 4]


async def test_a_commit_during_a_read_that_finds_it_is_told_in_order_once() -> None:
    log, quick, ordered = Log(), Listener(), Listener()
    async with running(log, quick, ordered=ordered) as feed:
        # given a page that was read in the database, with an event of this process and one behind it of another
        log.hold_pages()
        own = await log.store.append(an_append())
        await log.store.append(an_append())
        feed.wake()
        await log.page_is_held()
        # when the outcome of the append comes before the page does
        feed.committed(own)
        assert ordered.positions == [1]
        log.release_pages()
        # then the page adds what is new in it
        await quick.has_heard([1, 1, 2])
        assert ordered.positions == [1, 2]


ACTIONS = st.sampled_from(["own", "own_told_later", "other", "tell", "read"])


@given(actions=st.lists(ACTIONS, max_size=30))
async def test_whoever_stores_in_whatever_order_the_ordered_listener_hears_all_positions(actions: list[str]) -> None:
    log, ordered = Log(), Listener()
    feed = Feed(log, [], NEVER_S, ordered_listeners=[ordered])
    untold: list[Sequence[RecordedEvent]] = []
    for action in actions:
        match action:
            case "own":
                untold.append(await log.store.append(an_append()))
                feed.committed(untold.pop())
            case "own_told_later":
                untold.append(await log.store.append(an_append()))
            case "other":
                await log.store.append(an_append())
            case "tell" if untold:
                feed.committed(untold.pop(0))
            case "read":
                await feed._read_on()
    await feed._read_on()

    assert ordered.positions == list(range(1, await log.head_position() + 1))
