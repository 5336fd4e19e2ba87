"""Plays the events of a conversation again: the frames of then, marked, at their pace."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from app.use_cases.event_pages import event_pages
from app.ws.frames import Frames, durable_frames, frames_of
from app.ws.replay.pace import Pace
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.ports import EventStore

PAGE_EVENTS: Final = 200
"""Of a conversation that are in memory at a time, for each replay."""


class Player:
    """Of one replay, which begins behind the version of `conversation`."""

    def __init__(self, store: EventStore, conversation: Conversation, until: int, pace: Pace, epoch: str) -> None:
        self._store = store
        self._conversation = conversation
        self._until = until
        self._pace = pace
        self._epoch = epoch

    @property
    def version(self) -> int:
        """That of the last event that was played."""
        return self._conversation.version

    async def play(self, send: Callable[[Frames], Awaitable[None]]) -> None:
        """Send everything; whoever takes it slowly slows it.

        Raises:
            UnknownEvent: newer code wrote one of the events.
            StoreUnavailable: the database is away.
        """
        known = self._conversation
        pages = event_pages(
            self._store, known.tenant_id, known.id, after=known.version, until=self._until, page_events=PAGE_EVENTS
        )
        async with aclosing(pages):
            async for page in pages:
                for recorded in page:
                    await self._pace.wait(recorded.origin.occurred_at)
                    before, self._conversation = self._conversation, fold(self._conversation, (recorded,))
                    await send(as_replayed(durable_frames(recorded, before, self._conversation, self._epoch)))


def as_replayed(frames: Frames) -> Frames:
    """The same with the mark of a replay, which is the last field of an envelope."""
    return frames_of(*(b'%b,"replay":true}' % text[:-1] for text in frames.texts))
