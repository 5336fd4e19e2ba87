"""The socket of a conversation, to read only, as Server-Sent Events: for where proxies break upgrades."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final, Protocol

import anyio
import structlog
from anyio import CancelScope
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from app.principal import Principal
from app.ws.admission import Admission, AnyConnection
from app.ws.answers import Speaker
from app.ws.connection import SEND_TIMEOUT_S, SocketClosed
from app.ws.frames import Frames, marks_of
from app.ws.greeting import Greeter
from app.ws.history import ConversationHistory
from app.ws.hub import Channel, ChannelKey, Hub
from app.ws.live import LiveConnection, LiveConnections
from app.ws.protocol import COME_BACK_AFTER_MS, Closing, close_code
from app.ws.resume import Catchup, Cursor
from app.ws.subscriber import Subscriber
from domain.errors import TurnlogError
from domain.ids import ConversationId
from domain.ports import Clock

RETRY_MS: Final = 2_000
"""How long a client waits before it comes back, unless it is told something else at the end."""
GATHERED_MAX_BYTES: Final = 64 * 1024
"""So much is taken for the next write; the rest waits in the bounded queue."""

logger = structlog.get_logger()


class Wire(Protocol):
    """The response."""

    async def start(self) -> None:
        """Send its head."""
        ...

    async def write(self, data: bytes, *, is_last: bool = False) -> None:
        """Send the data as soon as the network takes it."""
        ...

    def cut_later(self) -> None:
        """Drop the connection after a while, if it is still there."""
        ...

    async def gone(self) -> None:
        """Return when the client has gone away."""
        ...


def event_of(text: bytes) -> bytes:
    """An encoded envelope as an event. The last part of a durable message has the id: whoever has seen it resumes
    behind it, and whoever has seen an earlier part alone gets all parts again."""
    marks = marks_of(text)
    is_whole = marks.seq is not None and (marks.part is None or marks.part[0] == marks.part[1])
    event_id = f"id: {marks.seq}.{marks.epoch}\n" if is_whole else ""
    return b"%bevent: %b\ndata: %b\n\n" % (event_id.encode(), marks.type.encode(), text)


def events_of(frames: Frames) -> bytes:
    """All that is sent together."""
    return b"".join(map(event_of, frames.texts))


class Gathered:
    """An `Outlet`: takes frames until the next write, of which there is one at a time."""

    def __init__(self) -> None:
        self.is_writable = True
        self._frames: list[Frames] = []
        self._size_bytes = 0
        self._something = anyio.Event()

    def write(self, frames: Frames) -> None:
        """Keep them for the next write."""
        self._frames.append(frames)
        self._size_bytes += len(frames.wire)
        self.is_writable = self._size_bytes < GATHERED_MAX_BYTES
        self._something.set()

    async def take(self) -> bytes:
        """Wait for something to write. Until `release` there is no room for more."""
        await self._something.wait()
        self._something = anyio.Event()
        self.is_writable = False
        return self.rest()

    def rest(self) -> bytes:
        """What was gathered. Nothing while something is being written, so that it never overtakes that."""
        frames, self._frames = self._frames, []
        self._size_bytes = 0
        return b"".join(map(events_of, frames))

    def release(self) -> None:
        """It was written."""
        self.is_writable = True


class StreamRefused(TurnlogError):
    """No more streams can begin now."""

    code: ClassVar[str] = "overloaded"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__("There are as many connections as there may be, or as may begin at a time.")
        self.retry_after_ms = retry_after_ms


class Stream:
    """What belongs to one client. `telling` is cancelled when its subscriber is ended."""

    def __init__(self, wire: Wire, speaker: Speaker) -> None:
        self.wire = wire
        self.speaker = speaker
        self.telling = CancelScope()
        self.outlet = Gathered()
        self.subscriber = Subscriber(self.outlet, self.telling.cancel)


class EventStreams:
    """Serves the streams of all conversations of this process."""

    def __init__(
        self,
        *,
        admission: Admission,
        live: LiveConnections,
        hub: Hub,
        history: ConversationHistory,
        greeter: Greeter,
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._live = live
        self._hub = hub
        self._history = history
        self._greeter = greeter
        self._clock = clock

    async def serve(
        self,
        connection: AnyConnection,
        wire: Wire,
        principal: Principal,
        conversation_id: ConversationId,
        cursor: Cursor,
    ) -> None:
        """Serve the stream until either side ends it. Attach first, then read the store: nothing falls between.

        Raises:
            TurnlogError: it is refused, and nothing has been sent.
        """
        stream = Stream(wire, Speaker(conversation_id, self._hub.epoch))
        tenant_id = principal.tenant_id
        with self._admission.admitted(connection), self._attached((tenant_id, conversation_id), stream) as channel:
            live = LiveConnection(tenant_id, stream.subscriber, stream.speaker, self._clock, lambda: channel.head)
            with _refused_by_status():
                self._admission.check_tenant(tenant_id)
            with self._live.joined(live):
                with _refused_by_status():
                    catchup = await self._history.catch_up(principal, conversation_id, cursor, channel)
                await wire.start()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_cancel_when_gone, wire, tasks)
                    await self._tell(stream, live, channel, catchup)
                    await self._say_why(stream)
                    tasks.cancel_scope.cancel()

    @contextmanager
    def _attached(self, key: ChannelKey, stream: Stream) -> Iterator[Channel]:
        channel = self._hub.attach(key, stream.subscriber)
        try:
            yield channel
        finally:
            self._hub.detach(key, stream.subscriber)

    async def _tell(self, stream: Stream, live: LiveConnection, channel: Channel, catchup: Catchup) -> None:
        """Everything up to the end, which the subscriber then names."""
        with stream.telling:
            try:
                await self._greet(stream, catchup)
                live.is_live = True
                channel.go_live(stream.subscriber, catchup.resume.head)
                while True:
                    await stream.wire.write(await stream.outlet.take())
                    stream.outlet.release()
                    stream.subscriber.flush()
            except Exception as error:  # noqa: BLE001 - its text may quote what people said
                logger.error("event_stream_failed", error=type(error).__name__)
                stream.subscriber.end("internal")

    async def _greet(self, stream: Stream, catchup: Catchup) -> None:
        await _write_in_time(stream, b"retry: %d\n\n" % RETRY_MS)
        for frames in self._greeter.greeting(stream.speaker, catchup.resume, catchup.replay, catchup.snapshot):
            await _write_in_time(stream, events_of(frames))

    async def _say_why(self, stream: Stream) -> None:
        """The last event. A client that does not take it is not waited for."""
        name, after_ms = stream.subscriber.ended or "internal", stream.subscriber.ended_after_ms
        code = close_code(name)
        closing = Closing(code=code.code, action=code.action, after_ms=after_ms)
        last = stream.speaker.say("connection_status", closing, self._clock.now())
        stream.wire.cut_later()
        retry_ms = RETRY_MS if after_ms is None else after_ms
        words = b"%bretry: %d\n%b" % (stream.outlet.rest(), retry_ms, events_of(last))
        await stream.wire.write(words, is_last=True)


async def _write_in_time(stream: Stream, data: bytes) -> None:
    """Nobody looks after a stream before it is live, so each write is timed."""
    with anyio.move_on_after(SEND_TIMEOUT_S) as patience:
        await stream.wire.write(data)
    if patience.cancelled_caught:
        stream.subscriber.end("slow_consumer")
        await checkpoint()


async def _cancel_when_gone(wire: Wire, tasks: TaskGroup) -> None:
    await wire.gone()
    tasks.cancel_scope.cancel()


@contextmanager
def _refused_by_status() -> Iterator[None]:
    """What closes a socket is a status here: nothing has been sent yet."""
    try:
        yield
    except SocketClosed as closed:
        raise StreamRefused(closed.after_ms or COME_BACK_AFTER_MS) from closed
