"""The connections of this process that are open: told what concerns them alone, looked after, and sent away."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from app.ws.answers import Speaker
from app.ws.protocol import Draining, Heartbeat, MessageType
from app.ws.subscriber import Subscriber
from domain.ids import TenantId
from domain.ports import Clock

SILENT_BEATS: Final = 9
"""The silence began up to one beat before the first of them: a heartbeat comes after 22.5 to 25 s."""
STUCK_BEATS: Final = 3
"""Likewise: a client that takes nothing is given up after 7.5 to 10 s."""


class LiveConnection:
    """One connection. `head` gives the last number that everybody on it has been sent."""

    def __init__(
        self, tenant_id: TenantId, subscriber: Subscriber, speaker: Speaker, clock: Clock, head: Callable[[], int]
    ) -> None:
        self.tenant_id = tenant_id
        self.subscriber = subscriber
        self.is_live = False
        self._speaker = speaker
        self._clock = clock
        self._head = head
        self._writes_seen = 0
        self._same_beats = 0

    def tell(self, message_type: MessageType, payload: Struct) -> None:
        """Say something to this connection alone."""
        self.subscriber.put(self._speaker.say(message_type, payload, self._clock.now()))

    def beat(self) -> None:
        """Break a long silence, end a connection that takes nothing. Called every `pulse.BEAT_INTERVAL_S`."""
        subscriber = self.subscriber
        self._same_beats = self._same_beats + 1 if subscriber.writes == self._writes_seen else 0
        self._writes_seen = subscriber.writes
        if not self.is_live:
            return
        if subscriber.is_waiting:
            if self._same_beats >= STUCK_BEATS:
                subscriber.end("slow_consumer")
        elif self._same_beats >= SILENT_BEATS:
            self.tell("connection_status", Heartbeat(head=self._head(), server_time=self._clock.now()))

    def announce_drain(self, after_ms: int) -> None:
        """The service is about to stop: tell the client when to come back."""
        if self.is_live:
            self.tell("connection_status", Draining(after_ms=after_ms))

    def end(self, name: str, after_ms: int | None = None) -> None:
        """Close it with the code of that name."""
        self.subscriber.end(name, after_ms)


class LiveConnections:
    """All of them, of every kind."""

    def __init__(self) -> None:
        self._connections: dict[LiveConnection, None] = {}
        self._of_tenant: Counter[TenantId] = Counter()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[LiveConnection]:
        return iter(tuple(self._connections))

    def count_of(self, tenant_id: TenantId) -> int:
        """How many a tenant has."""
        return self._of_tenant[tenant_id]

    def joined(self, connection: LiveConnection) -> "Membership":
        """It is one of them while the block runs."""
        return Membership(self, connection)

    def add(self, connection: LiveConnection) -> None:
        """It is one of them from now on."""
        self._connections[connection] = None
        self._of_tenant[connection.tenant_id] += 1

    def remove(self, connection: LiveConnection) -> None:
        """It is none of them any more."""
        del self._connections[connection]
        self._of_tenant[connection.tenant_id] -= 1


class Membership:
    """For a `with` block that lasts as long as a connection; a generator would cost ten times the memory."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: LiveConnections, connection: LiveConnection) -> None:
        self._connections = connections
        self._connection = connection

    def __enter__(self) -> None:
        self._connections.add(self._connection)

    def __exit__(self, *_: object) -> None:
        self._connections.remove(self._connection)
