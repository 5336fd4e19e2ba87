"""One replay over one socket: a task that plays, beside a reader that answers pings."""

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from app.ws.connection import Connection, SocketClosed
from app.ws.frames import Frames
from app.ws.inbound import ClientFrame
from app.ws.live import LiveConnection
from app.ws.protocol import ReplayOver
from app.ws.rate import TokenBucket
from app.ws.reader import FrameReader
from app.ws.replay.player import Player
from app.ws.subscriber import Subscriber
from domain.errors import TurnlogError


class Performance:
    """Nothing is sent before the network has taken what was sent last: a slow client slows the replay. One that takes
    nothing at all is sent away, as from any other socket."""

    def __init__(self, connection: Connection, bucket: TokenBucket) -> None:
        self._transport = connection.transport
        self._reader = FrameReader(connection, bucket)
        self._player: Player | None = None
        self._failure: TurnlogError | None = None
        self.subscriber = Subscriber(connection.transport, self._reader.stop)
        connection.transport.on_writable = self.subscriber.flush

    @property
    def version(self) -> int:
        """That of the last event that was played."""
        return 0 if self._player is None else self._player.version

    async def run(
        self, live: LiveConnection, shake_hands: Callable[[], Awaitable[Player]], take: Callable[[ClientFrame], None]
    ) -> None:
        """Shake hands, which says what to play, and play it.

        Raises:
            SocketClosed: how it ended.
            TurnlogError: it could not begin, or not go on.
        """
        async with anyio.create_task_group() as tasks:
            ended = await self._ended_by(tasks, live, shake_hands, take)
            tasks.cancel_scope.cancel()
        raise ended

    async def _ended_by(
        self,
        tasks: TaskGroup,
        live: LiveConnection,
        shake_hands: Callable[[], Awaitable[Player]],
        take: Callable[[ClientFrame], None],
    ) -> SocketClosed | TurnlogError:
        """What is raised within a group of tasks leaves it as a group of exceptions: so it is given back."""

        async def begin() -> None:
            self._player = await shake_hands()
            tasks.start_soon(self._play, self._player, live)

        try:
            await self._reader.run(live, begin, take)
        except (SocketClosed, TurnlogError) as ended:
            return ended
        return self._failure or SocketClosed(self.subscriber.ended, self.subscriber.ended_after_ms)

    async def _play(self, player: Player, live: LiveConnection) -> None:
        try:
            await player.play(self._send)
        except TurnlogError as error:
            self._failure = error
            self._reader.stop()
            return
        while self.subscriber.is_waiting:
            await self._transport.wait_until_writable()
            await checkpoint()
        live.tell("connection_status", ReplayOver(head=player.version))
        self.subscriber.end("normal")

    async def _send(self, frames: Frames) -> None:
        if self.subscriber.is_waiting:
            await self._transport.wait_until_writable()
        self.subscriber.put(frames)
