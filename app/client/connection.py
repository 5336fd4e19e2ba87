"""A socket that survives its connections: whenever one is lost it comes back, with a cursor to go on from."""

from collections.abc import Mapping
from typing import Final, NoReturn, Protocol
from urllib.parse import urlencode

import anyio
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from app.client.frames import Frame, read_frame
from app.client.losses import LastWords, Loss, Stopped, loss_of_refusal
from app.client.patience import Patience
from app.ws.protocol import SUBPROTOCOL

HANDSHAKE_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
MAX_WAITING_FRAMES: Final = 64
NORMAL_CLOSE: Final = 1000


class Interrupted(Exception):
    """Raised by a client that has missed something: the connection is given up, and the next one resumes."""


class Client(Protocol):
    """Who speaks through the connection."""

    def cursor(self) -> Mapping[str, str]:
        """The query of the next connection: where it goes on."""
        ...

    def receive(self, frame: Frame, text: bytes) -> None:
        """The next frame, also as it came."""
        ...

    def receive_unreadable(self, reason: str) -> None:
        """A frame came that is none."""
        ...

    async def live(self) -> None:
        """The handshake is over, and `send` goes through."""
        ...

    def lose(self, loss: Loss) -> None:
        """The connection is lost, or there never was one."""
        ...


class ResumingConnection:
    """`run` keeps a connection to the address. `patience_s` is how long a service that is away is waited for."""

    def __init__(self, url: str, client: Client, patience_s: float) -> None:
        self._url = url
        self._client = client
        self._patience_s = patience_s
        self._connection: ClientConnection | None = None

    @property
    def is_live(self) -> bool:
        """Whether what is sent now has somebody to go to."""
        return self._connection is not None

    async def run(self) -> NoReturn:
        """Connect, listen, and connect again whenever the connection is lost; for ever.

        Raises:
            Stopped, ServiceAway: there is no coming back.
        """
        patience = Patience(self._patience_s)
        while True:
            loss = await self._until_lost(patience)
            self._connection = None
            self._client.lose(loss)
            if not loss.may_return:
                raise Stopped(loss)
            await patience.wait(loss.reason, loss.after_ms)

    async def send(self, frame: bytes) -> None:
        """Send it, if there is a connection and it does not break now."""
        connection = self._connection
        if connection is None:
            return
        try:
            await connection.send(frame, text=True)
        except ConnectionClosed:
            if self._connection is connection:  # and not yet the next one
                self._connection = None

    async def _until_lost(self, patience: Patience) -> Loss:
        """One connection, from its beginning to its end."""
        try:
            connection = await connect(
                self._address(),
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                proxy=None,
                open_timeout=HANDSHAKE_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                max_queue=MAX_WAITING_FRAMES,
            )
        except InvalidStatus as refusal:
            return loss_of_refusal(refusal)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            return Loss(reason=type(error).__name__, may_return=True)
        async with connection:
            return await self._listen(connection, patience)

    async def _listen(self, connection: ClientConnection, patience: Patience) -> Loss:
        """Until it ends. What goes wrong in the client is not the connection's: it passes through."""
        last_words = LastWords()
        try:
            await self._shake_hands(connection, last_words)
            patience.succeeded()
            self._connection = connection
            await self._client.live()
            while True:
                await self._receive(connection, last_words)
        except ConnectionClosed as closed:
            return last_words.loss_of(closed)
        except Interrupted as interrupted:
            return Loss(reason=str(interrupted), may_return=True, code=NORMAL_CLOSE)
        except TimeoutError:
            return Loss(reason="the handshake took too long", may_return=True)

    def _address(self) -> str:
        query = urlencode(self._client.cursor())
        return f"{self._url}?{query}" if query else self._url

    async def _shake_hands(self, connection: ClientConnection, last_words: LastWords) -> None:
        with anyio.fail_after(HANDSHAKE_TIMEOUT_S):
            while not _is_over(await self._receive(connection, last_words)):
                pass

    async def _receive(self, connection: ClientConnection, last_words: LastWords) -> Frame | None:
        text = await connection.recv(decode=False)
        try:
            frame = read_frame(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._client.receive_unreadable(str(error))
            return None
        if frame.seq is None:
            last_words.hear(frame)
        self._client.receive(frame, text)
        return frame


def _is_over(frame: Frame | None) -> bool:
    """The handshake ends with `live`. A replay never is: there it is `ready` that says so."""
    if frame is None or frame.type != "connection_status":
        return False
    return frame.payload.get("status") == "live" or "replay" in frame.payload
