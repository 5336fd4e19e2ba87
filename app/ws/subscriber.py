"""What one connection still has to send: straight to the network while it takes it, else a bounded queue.

Durable messages are never dropped: when they do not fit, the subscriber is slow, its connection ends and the client
resumes. An interim message takes the place of the one of the same key that still waits, and is dropped where there is
no room, or where something durable needs its place.
"""

from collections.abc import Callable
from itertools import count
from typing import Final, Protocol

from app.ws.frames import Frames
from app.ws.interims import Interim, QueueKey

QUEUE_MAX_FRAMES: Final = 256
QUEUE_MAX_BYTES: Final = 2**20


class Outlet(Protocol):
    """Where a subscriber's frames go."""

    is_writable: bool
    """Whether it takes more now."""

    def write(self, frames: Frames) -> None:
        """Take them, without a wait."""
        ...


class Subscriber:
    """Filled by the hub and by the connection's own answers. `on_end` is called once, when it has to end."""

    def __init__(
        self,
        outlet: Outlet,
        on_end: Callable[[], None],
        max_frames: int = QUEUE_MAX_FRAMES,
        max_bytes: int = QUEUE_MAX_BYTES,
    ) -> None:
        self._outlet = outlet
        self._on_end = on_end
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._queue: dict[QueueKey | int, Frames | Interim] = {}
        self._numbers = count()
        self._size_bytes = 0
        self._frame_count = 0
        self._held: list[tuple[int, Frames]] | None = []
        self._held_bytes = 0
        self._seen = 0
        self._has_overflowed = False
        self.writes = 0
        self.ended: str | None = None
        self.ended_after_ms: int | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether something waits because the network does not take it."""
        return bool(self._queue) or not self._outlet.is_writable

    def deliver(self, number: int, frames: Frames) -> None:
        """Send an event's frames, unless a replay has sent them already; until `go_live` they are held back.

        `number` rises with every event: it is the version, or the position in the feed of a tenant.
        """
        if self._held is not None:
            self._held.append((number, frames))
            self._held_bytes += len(frames.wire)
            if len(self._held) > self._max_frames or self._held_bytes > self._max_bytes:
                self._overflow()
        elif number > self._seen:
            self._seen = number
            self.put(frames)

    def go_live(self, head: int) -> None:
        """The replay has sent everything up to `head`: what was held back above it follows."""
        held, self._held = self._held or [], None
        self._seen = head
        for number, frames in held:
            self.deliver(number, frames)

    def put(self, frames: Frames) -> None:
        """Send what must arrive."""
        if self._has_overflowed:
            return
        if not self._queue and self._outlet.is_writable:
            self._outlet.write(frames)
            self.writes += 1
        elif self._has_room_for(frames) or self._make_room_for(frames):
            self._add(next(self._numbers), frames)
        else:
            self._overflow()

    def put_interim(self, interim: Interim) -> None:
        """Send what may be lost; those who are not live yet see at `go_live` what is being said."""
        if self._held is not None or self._has_overflowed:
            return
        if not self._queue and self._outlet.is_writable:
            self._outlet.write(interim.frames)
            self.writes += 1
            return
        key = interim.key
        waiting = None if key is None else self._queue.get(key)
        if key is not None and isinstance(waiting, Interim):
            self._remove(key)
            together = interim.after(waiting)
            if together is None:
                self._add(next(self._numbers), waiting)
            interim = together or interim
        if self._has_room_for(interim.frames):
            self._add(next(self._numbers) if key is None else key, interim)

    def flush(self) -> None:
        """Send what waits, as far as the network takes it."""
        while self._queue and self._outlet.is_writable:
            self._outlet.write(self.take())
            self.writes += 1

    def take(self) -> Frames:
        """The first that waits, which then waits no more."""
        return self._remove(next(iter(self._queue)))

    def end(self, name: str, after_ms: int | None = None) -> None:
        """End the connection with the close code of that name; the first reason counts."""
        if self.ended is None:
            self.ended, self.ended_after_ms = name, after_ms
            self._on_end()

    def _overflow(self) -> None:
        """Nothing more is sent: it would come after a hole."""
        self._has_overflowed = True
        self._held = None if self._held is None else []
        self.end("slow_consumer")

    def _make_room_for(self, frames: Frames) -> bool:
        """Drop interim messages, the oldest first, until the frames fit; whether they do."""
        for key in [key for key, item in self._queue.items() if isinstance(item, Interim)]:
            self._remove(key)
            if self._has_room_for(frames):
                return True
        return False

    def _has_room_for(self, frames: Frames) -> bool:
        return (
            self._frame_count + len(frames.texts) <= self._max_frames
            and self._size_bytes + len(frames.wire) <= self._max_bytes
        )

    def _add(self, key: QueueKey | int, item: Frames | Interim) -> None:
        self._queue[key] = item
        frames = item.frames if isinstance(item, Interim) else item
        self._frame_count += len(frames.texts)
        self._size_bytes += len(frames.wire)

    def _remove(self, key: QueueKey | int) -> Frames:
        item = self._queue.pop(key)
        frames = item.frames if isinstance(item, Interim) else item
        self._frame_count -= len(frames.texts)
        self._size_bytes -= len(frames.wire)
        return frames
