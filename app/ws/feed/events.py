"""The events of a tenant's feed: what is sent of each, and the conversations that they have to be folded for."""

from typing import Final

import structlog
from msgspec import Struct

from app.aggregates import AggregateCache
from app.histories import Histories
from app.ws.feed.filter import FeedFilter
from app.ws.frames import Frames, durable_frames, frames_of, marks_of
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.errors import UnreadableEvent
from domain.ports import RecordedEvent

FOLDED_MAX_COUNT: Final = 10_000
FOLDED_MAX_BYTES: Final = 64 * 2**20

logger = structlog.get_logger()


class FeedEvent:
    """One event. What several subscribers are sent alike is made once."""

    def __init__(self, position: int, after: Conversation, texts: tuple[bytes, ...]) -> None:
        self.position = position
        self._after = after
        self._texts = tuple(_Text(marks_of(text).type, text) for text in texts)
        self._made: dict[tuple[int, frozenset[str] | None], Frames] = {}

    def frames(self, wanted: FeedFilter, previous: int) -> Frames | None:
        """What a subscriber is sent whose last durable message was at the position `previous`."""
        if not wanted.wants_event(self._after):
            return None
        key = (previous, wanted.types)
        if key not in self._made:
            chosen = [text.encoded for text in self._texts if wanted.wants_message(text.type)]
            self._made[key] = frames_of(
                *(
                    in_feed(text, self.position, previous if number == 0 else self.position)
                    for number, text in enumerate(chosen)
                )
            )
        made = self._made[key]
        return made if made.texts else None


class _Text(Struct, frozen=True):
    type: str
    encoded: bytes


def in_feed(text: bytes, position: int, previous: int) -> bytes:
    """The encoded envelope with its place in the feed, which are its last two fields."""
    return b'%b,"position":%d,"prev_position":%d}' % (text[:-1], position, previous)


class FeedEvents:
    """Makes them, for one reader that goes through the log. Keeps the conversations that it has folded last."""

    def __init__(self, histories: Histories, epoch: str) -> None:
        self._histories = histories
        self._epoch = epoch
        self._kept = AggregateCache(FOLDED_MAX_COUNT, FOLDED_MAX_BYTES)

    async def event(self, recorded: RecordedEvent) -> FeedEvent | None:
        """The event as the feed tells it; nothing where its conversation has an event that cannot be read here.

        Whoever asks does so in the order of positions.

        Raises:
            StoreUnavailable: the database is away; ask again.
        """
        held = self._kept.hold(recorded.tenant_id, recorded.conversation_id)
        try:
            before = await self._histories.at(held.conversation, recorded.version - 1)
            after = fold(before, (recorded,))
            held.advance(after, recorded.position)
        except UnreadableEvent:
            logger.warning("feed_leaves_out_conversation", conversation=recorded.conversation_id)
            return None
        finally:
            self._kept.settle(held)
        return FeedEvent(recorded.position, after, durable_frames(recorded, before, after, self._epoch).texts)
