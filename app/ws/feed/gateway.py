"""The socket of a tenant's feed: every event of all its conversations, in the order of positions.

Each frame is that of the conversation's own socket, with its place in the feed added: `position`, and `prev_position`,
which is the `position` of the durable message before it on this connection. Whoever asks for `interims` is also told
what is being said at the moment, in the frames of the conversations' own sockets.

A client that wants the whole picture connects without `after`, lists the conversations over REST with `min_position` =
`head` of `ready`, and takes of the feed what has a higher `seq` than the `version` that was listed. Later it comes back
with the `position` of the last message as `after`, or with the `head` of a later heartbeat.
"""

from functools import partial
from typing import Final

from litestar import websocket
from litestar.handlers import WebsocketRouteHandler

from app.principal import ANYBODY, Principal
from app.ws.admission import Admission
from app.ws.answers import Speaker
from app.ws.connection import AnySocket, Connection, SocketClosed
from app.ws.door import Door
from app.ws.feed.filter import FeedFilter, filter_of
from app.ws.feed.resume import FeedHistory
from app.ws.feed.tenants import FeedSubscriber, TenantFeeds
from app.ws.greeting import Greeter
from app.ws.listener import answer_listener
from app.ws.live import LiveConnection, LiveConnections
from app.ws.rate import RateLimit, TokenBucket
from app.ws.reader import FrameReader
from app.ws.resume import Cursor, cursor_of
from app.ws.subscriber import Subscriber
from domain.ports import Clock

PATH: Final = "/api/ws/feed"
FILTERS: Final = ("user_id", "state", "type", "interims")
ONLY_TELLS: Final = (
    "the feed only tells. Send the rest over the conversation's own socket, /api/ws/conversations/ID, or commands over "
    "REST."
)


class FeedGateway:
    """Serves the sockets of all tenants' feeds of this process."""

    def __init__(
        self,
        *,
        door: Door,
        admission: Admission,
        live: LiveConnections,
        feeds: TenantFeeds,
        history: FeedHistory,
        greeter: Greeter,
        rate_limit: RateLimit,
        clock: Clock,
        epoch: str,
    ) -> None:
        self._door = door
        self._admission = admission
        self._live = live
        self._feeds = feeds
        self._history = history
        self._greeter = greeter
        self._rate_limit = rate_limit
        self._clock = clock
        self._speaker = Speaker(None, epoch)

    def handler(self) -> WebsocketRouteHandler:
        """The route, for the application."""

        @websocket(PATH)
        async def feed_socket(socket: AnySocket) -> None:
            await self.serve(socket, ANYBODY)

        return feed_socket

    async def serve(self, socket: AnySocket, principal: Principal) -> None:
        """Serve the socket until it is closed."""
        query = socket.query_params

        async def talk(connection: Connection) -> None:
            cursor = cursor_of(query.get("after"), query.get("epoch"), "position")
            wanted = filter_of({name: query.getall(name, []) for name in FILTERS})
            self._admission.check_tenant(principal.tenant_id)
            await self._talk(connection, principal, cursor, wanted)

        await self._door.serve(socket, self._speaker, talk)

    async def _talk(self, connection: Connection, principal: Principal, cursor: Cursor, wanted: FeedFilter) -> None:
        """Attach first, then read the store, then let go what came meanwhile: nothing falls between."""
        tenant_id = principal.tenant_id
        reader = FrameReader(connection, TokenBucket(self._rate_limit))
        queue = Subscriber(connection.transport, reader.stop)
        connection.transport.on_writable = queue.flush
        subscriber = FeedSubscriber(queue, wanted)
        live = LiveConnection(
            tenant_id, queue, self._speaker, self._clock, lambda: self._feeds.head(tenant_id, subscriber)
        )

        async def shake_hands() -> None:
            async with self._admission.handshake():
                catchup = await self._history.catch_up(tenant_id, subscriber, cursor)
            for frames in self._greeter.greeting(self._speaker, catchup.resume, catchup.replay):
                await connection.send(frames)
            live.is_live = True
            subscriber.go_live(catchup.resume.head)

        self._feeds.attach(tenant_id, subscriber)
        try:
            with self._live.joined(live):
                await reader.run(live, shake_hands, partial(answer_listener, live=live, reason=ONLY_TELLS))
        finally:
            self._feeds.detach(tenant_id, subscriber)
        raise SocketClosed(queue.ended, queue.ended_after_ms)
