"""Looks after a socket's writer now and then: says something when all is silent, ends it when a send is stuck.

A timer around every frame did the same and took about a sixth of the server's time in a replay; this one is
set every few seconds.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, Self

BEAT_INTERVAL_S: Final = 2.5
SILENT_BEATS: Final = 9
"""The silence began up to one beat before the first of them: a heartbeat comes after 22.5 to 25 s."""
STUCK_BEATS: Final = 3
"""Likewise: a send is given up after 7.5 to 10 s."""


class Sender(Protocol):
    """What the pulse looks at."""

    sends_begun: int
    is_sending: bool


class Pulse:
    """Beats while its block runs. The callbacks must be quick."""

    def __init__(
        self,
        sender: Sender,
        on_silence: Callable[[], None],
        on_stuck: Callable[[], None],
        interval_s: float = BEAT_INTERVAL_S,
    ) -> None:
        self._sender = sender
        self._on_silence = on_silence
        self._on_stuck = on_stuck
        self._interval_s = interval_s
        self._sends_seen = sender.sends_begun
        self._same_beats = 0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._set_timer()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._beat)

    def _beat(self) -> None:
        sender = self._sender
        self._same_beats = self._same_beats + 1 if sender.sends_begun == self._sends_seen else 0
        self._sends_seen = sender.sends_begun
        if sender.is_sending and self._same_beats >= STUCK_BEATS:
            self._on_stuck()
            return
        if not sender.is_sending and self._same_beats >= SILENT_BEATS:
            self._on_silence()
        self._set_timer()
