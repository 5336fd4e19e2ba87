"""What one socket still has to send: a queue bounded by count and by bytes.

Durable frames are never dropped: when they do not fit, the subscriber is slow, its socket closes and it resumes.
An interim frame replaces the one of the same key that still waits, and is dropped where there is no room.
"""

import asyncio
from collections import OrderedDict
from itertools import count
from typing import Final

QUEUE_MAX_FRAMES: Final = 256
QUEUE_MAX_BYTES: Final = 2**20

InterimKey = tuple[str, str]


class Subscriber:
    """Filled by the hub and by the socket's own answers, emptied by the socket's writer."""

    def __init__(self, max_frames: int = QUEUE_MAX_FRAMES, max_bytes: int = QUEUE_MAX_BYTES) -> None:
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._frames: OrderedDict[InterimKey | int, str] = OrderedDict()
        self._numbers = count()
        self._size_bytes = 0
        self._filled = asyncio.Event()
        self._held: list[tuple[int, tuple[str, ...]]] | None = []
        self._seen_version = 0
        self.is_slow = False

    def deliver(self, version: int, frames: tuple[str, ...]) -> None:
        """Queue the frames of an event, unless a replay has sent them already; until `go_live` they are held back."""
        if self._held is not None:
            self._held.append((version, frames))
            self.is_slow = self.is_slow or len(self._held) > self._max_frames
        elif version > self._seen_version:
            self._seen_version = version
            for frame in frames:
                self.put(frame)

    def go_live(self, head: int) -> None:
        """The replay has sent everything up to `head`: what was held back above it follows."""
        held, self._held = self._held or [], None
        self._seen_version = head
        for version, frames in held:
            self.deliver(version, frames)

    def put(self, frame: str) -> None:
        """Queue a frame that must arrive."""
        if not self._has_room_for(frame):
            self.is_slow = True
            self._filled.set()
            return
        self._add(next(self._numbers), frame)

    def put_interim(self, key: InterimKey | None, frame: str) -> None:
        """Queue a frame that may be lost; with a key, it takes the place of its forerunner."""
        if self._held is not None:
            return
        if key is not None and key in self._frames:
            self._size_bytes -= len(self._frames.pop(key))
        if self._has_room_for(frame):
            self._add(next(self._numbers) if key is None else key, frame)

    async def filled(self) -> None:
        """Wait until there is something to send, or the subscriber is slow."""
        await self._filled.wait()

    def take_all(self) -> list[str]:
        """What waits, in order; the queue is empty afterwards."""
        frames = list(self._frames.values())
        self._frames.clear()
        self._size_bytes = 0
        self._filled.clear()
        return frames

    def _has_room_for(self, frame: str) -> bool:
        # Characters stand for bytes: frames are mostly ASCII, and the bound is about memory, not about the wire.
        return len(self._frames) < self._max_frames and self._size_bytes + len(frame) <= self._max_bytes

    def _add(self, key: InterimKey | int, frame: str) -> None:
        self._frames[key] = frame
        self._size_bytes += len(frame)
        self._filled.set()
