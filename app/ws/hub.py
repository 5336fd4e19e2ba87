"""Who listens to which conversation. Every event is folded and encoded once, for all subscribers.

A conversation's versions have no holes, so the hub needs no order from those who tell it of events: the next version
is delivered, an older one is dropped, and a hole means that somebody else's event has not come yet: `on_hole` makes
the feed read the store, which tells everything again in order.
"""

from collections.abc import Callable, Sequence

from app.ws.frames import durable_frames, encode
from app.ws.protocol import Envelope
from app.ws.subscriber import InterimKey, Subscriber
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent

ChannelKey = tuple[TenantId, ConversationId]


class Channel:
    """The subscribers of one conversation, and the conversation as they know it."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._conversation: Conversation | None = None
        self._early: list[RecordedEvent] = []
        self.subscribers: set[Subscriber] = set()

    @property
    def head(self) -> int:
        """The last version that was delivered."""
        return self._conversation.version if self._conversation else 0

    def prime(self, conversation: Conversation) -> None:
        """Take the conversation as somebody has just read it; what was told meanwhile follows."""
        if self._conversation is None:
            self._conversation = conversation
            early, self._early = self._early, []
            for recorded in early:
                self.deliver(recorded)

    def deliver(self, recorded: RecordedEvent) -> bool:
        """Send the event on if it is the next one; whether there is no hole before it."""
        before = self._conversation
        if before is None:
            self._early.append(recorded)
            return True
        if recorded.version == before.version + 1:
            self._conversation = after = fold(before, (recorded,))
            frames = durable_frames(recorded, before, after, self._epoch)
            for subscriber in self.subscribers:
                subscriber.deliver(recorded.version, frames)
        return recorded.version <= before.version + 1


class Hub:
    """All channels of this process. A channel lives as long as it has subscribers."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.on_hole: Callable[[], None] = lambda: None
        self._channels: dict[ChannelKey, Channel] = {}

    @property
    def subscriber_count(self) -> int:
        return sum(len(channel.subscribers) for channel in self._channels.values())

    def attach(self, key: ChannelKey, subscriber: Subscriber) -> Channel:
        """From now on the subscriber gets every event of the conversation, once its channel is primed."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(self.epoch)
        channel.subscribers.add(subscriber)
        return channel

    def detach(self, key: ChannelKey, subscriber: Subscriber) -> None:
        """The subscriber is gone; with the last one goes the channel."""
        channel = self._channels.get(key)
        if channel is not None:
            channel.subscribers.discard(subscriber)
            if not channel.subscribers:
                del self._channels[key]

    def deliver(self, events: Sequence[RecordedEvent]) -> None:
        """Tell of events, in any order and as often as one likes. Implements `CommittedListener`."""
        if not self._channels:
            return
        for recorded in events:
            channel = self._channels.get((recorded.tenant_id, recorded.conversation_id))
            if channel is not None and not channel.deliver(recorded):
                self.on_hole()

    def broadcast_interim(self, key: ChannelKey, envelope: Envelope, interim_key: InterimKey | None) -> None:
        """Send an ephemeral message to all subscribers of the conversation."""
        channel = self._channels.get(key)
        if channel is not None:
            frame = encode(envelope)
            for subscriber in channel.subscribers:
                subscriber.put_interim(interim_key, frame)
