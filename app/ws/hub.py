"""Who listens to which conversation. Every event is folded and encoded once, for all subscribers.

A conversation's versions have no holes, so the hub needs no order from those who tell it of events: the next version
is delivered, an older one is dropped, and a hole means that somebody else's event has not come yet: `on_hole` makes
the feed read the store, which tells everything again in order.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, Protocol

from app.ws.frames import durable_frames
from app.ws.inbound import InterimMessage
from app.ws.interims import Interim, OpenInterims, interim
from app.ws.subscriber import Subscriber
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import fold
from domain.ids import ConversationId, TenantId
from domain.ports import Clock, RecordedEvent, UnreadablePlace

MAX_EARLY_EVENTS: Final = 1_000
"""Events that may come while the first subscriber still reads; more are dropped, which leaves a hole."""

HOLE_PATIENCE_S: Final = 5.0
"""How long a hole may last before the subscribers are sent to resume: this process cannot read what is missing."""

ChannelKey = tuple[TenantId, ConversationId]


class Overhearing(Protocol):
    """Who listens to what is being said in all conversations of a tenant."""

    def wants_interims(self, tenant_id: TenantId) -> bool:
        """Whether anybody does."""
        ...

    def hear(self, tenant_id: TenantId, conversation: Conversation | None, said: Interim) -> None:
        """Something is being said. The conversation is null where nobody here has read it."""
        ...


class Channel:
    """The subscribers of one conversation, and the conversation as they know it."""

    def __init__(self, conversation_id: ConversationId, epoch: str, clock: Clock) -> None:
        self._id = conversation_id
        self._epoch = epoch
        self._clock = clock
        self._conversation: Conversation | None = None
        self._early: list[RecordedEvent] = []
        self._hole_since_s: float | None = None
        self._begins_at = 0
        self.subscribers: set[Subscriber] = set()
        self.interims = OpenInterims()

    @property
    def head(self) -> int:
        """The last version that was delivered."""
        return self._conversation.version if self._conversation else 0

    def prime(self, conversation: Conversation) -> bool:
        """Take the conversation as somebody has just read it; what was told meanwhile follows. False: somebody else
        was quicker and has read more, which is not told again."""
        if self._conversation is None:
            self._conversation = conversation
            self._begins_at = conversation.version
            early, self._early = self._early, []
            for recorded in early:
                self.deliver(recorded)
        return conversation.version >= self._begins_at

    def deliver(self, recorded: RecordedEvent) -> bool:
        """Send the event on if it is the next one; whether there is no hole before it."""
        before = self._conversation
        if before is None:
            if len(self._early) < MAX_EARLY_EVENTS:
                self._early.append(recorded)
            return True
        if recorded.version == before.version + 1:
            self._send(recorded, before)
            self._hole_since_s = None
        else:
            self.miss(recorded.version - 1)
        return recorded.version <= before.version + 1

    def miss(self, version: int) -> None:
        """The event exists and was not told: a hole, unless it was told before."""
        before = self._conversation
        if before is not None and version > before.version and self._hole_since_s is None:
            self._hole_since_s = monotonic()

    @property
    def conversation(self) -> Conversation | None:
        """As the subscribers know it; null until the first of them has read it."""
        return self._conversation

    def is_broken(self, now_s: float) -> bool:
        """Whether a hole has stayed."""
        return self._hole_since_s is not None and now_s - self._hole_since_s > HOLE_PATIENCE_S

    def broadcast_interim(self, message: InterimMessage) -> Interim | None:
        """Send an ephemeral message to everybody, unless something newer was said already. What was sent."""
        if not self.interims.accept(message):
            return None
        said = self._interim(message)
        for subscriber in self.subscribers:
            subscriber.put_interim(said)
        return said

    def go_live(self, subscriber: Subscriber, head: int) -> None:
        """Let go what was held back for the subscriber, and tell what is being said: it has missed how it began."""
        subscriber.go_live(head)
        for message in self.interims.messages():
            subscriber.put_interim(self._interim(message))

    def _interim(self, message: InterimMessage) -> Interim:
        return interim(message, self._id, self._epoch, self._clock.now())

    def _send(self, recorded: RecordedEvent, before: Conversation) -> None:
        self._conversation = after = fold(before, (recorded,))
        self.interims.close(recorded.event)
        frames = durable_frames(recorded, before, after, self._epoch)
        for subscriber in self.subscribers:
            subscriber.deliver(recorded.version, frames)


class Hub:
    """All channels of this process. A channel lives as long as it has subscribers."""

    def __init__(self, epoch: str, clock: Clock, overhearing: Overhearing | None = None) -> None:
        self.epoch = epoch
        self.on_hole: Callable[[], None] = lambda: None
        self._clock = clock
        self._overhearing = overhearing
        self._channels: dict[ChannelKey, Channel] = {}

    @property
    def subscriber_count(self) -> int:
        return sum(len(channel.subscribers) for channel in self._channels.values())

    def attach(self, key: ChannelKey, subscriber: Subscriber) -> Channel:
        """From now on the subscriber gets every event of the conversation, once its channel is primed."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(key[1], self.epoch, self._clock)
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

    def miss(self, unreadable: Sequence[UnreadablePlace]) -> None:
        """Take note of events that cannot be read here."""
        for place in unreadable:
            channel = self._channels.get((place.tenant_id, place.conversation_id))
            if channel is not None:
                channel.miss(place.version)

    def broadcast_interim(self, key: ChannelKey, message: InterimMessage) -> None:
        """Send an ephemeral message to all subscribers of the conversation, and to those of the tenant's feed that
        ask for it."""
        channel = self._channels.get(key)
        if self._overhearing is None or not self._overhearing.wants_interims(key[0]):
            if channel is not None:
                channel.broadcast_interim(message)
        elif channel is None:
            self._overhearing.hear(key[0], None, interim(message, key[1], self.epoch, self._clock.now()))
        elif (said := channel.broadcast_interim(message)) is not None:
            self._overhearing.hear(key[0], channel.conversation, said)

    def answer_end(self, key: ChannelKey, response_id: str) -> int | None:
        """At which character the pieces of an answer end that its listeners have been told; null if there are none."""
        channel = self._channels.get(key)
        return None if channel is None else channel.interims.answer_end(response_id)

    def end_broken(self) -> None:
        """Give up the channels that wait for an event that does not come, and send their subscribers away: a resume
        reads the store, or says why it cannot. Whoever comes meanwhile begins a new channel."""
        now_s = monotonic()
        broken = [key for key, channel in self._channels.items() if channel.is_broken(now_s)]
        for key in broken:
            for subscriber in tuple(self._channels.pop(key).subscribers):
                subscriber.end("position_lost")
