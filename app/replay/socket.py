"""The socket of one conversation, which survives its connections: what was under way is sent again with its id."""

from time import perf_counter
from typing import Any, Final, NoReturn

import anyio
import msgspec
from uuid_utils import uuid7
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from app.replay.checker import Checker
from app.replay.frames import Frame, read_frame
from app.replay.patience import Patience
from app.replay.tally import Tally
from app.ws.protocol import CLOSE_CODES, SUBPROTOCOL

HANDSHAKE_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
MAX_WAITING_FRAMES: Final = 64
PRIVATE_CODES: Final = range(4_400, 4_500)
_STOP: Final = {row.code for row in CLOSE_CODES if row.action == "stop"}
_KNOWN: Final = {row.code for row in CLOSE_CODES}

_encode = msgspec.json.encode


class CommandRefused(Exception):
    """The service refuses a command that the script has, for a reason that stays."""


class SocketStopped(Exception):
    """The service closed the socket with a code that tells not to come back."""


class Pending(msgspec.Struct, eq=False):
    """The command that waits for its answer. There is one at a time: a turn's next word depends on the last."""

    command_id: str
    frame: bytes
    answer: Frame | None
    answered: anyio.Event

    def resolve(self, answer: Frame) -> None:
        """The service has answered."""
        self.answer = answer
        self.answered.set()


class ConversationSocket:
    """`run` keeps a connection; the other methods wait for one where they need it."""

    def __init__(self, url: str, checker: Checker, tally: Tally, patience_s: float) -> None:
        self._url = url
        self._checker = checker
        self._tally = tally
        self._patience_s = patience_s
        self._connection: ClientConnection | None = None
        self._pending: Pending | None = None
        self._moved = anyio.Event()
        self._has_been_live = False
        self._come_back_after_ms: int | None = None

    async def run(self) -> None:
        """Connect, listen, and connect again whenever the connection is lost; for ever.

        Raises:
            SocketStopped, ServiceAway: there is no coming back.
        """
        patience = Patience(self._patience_s)
        while True:
            self._come_back_after_ms = None
            reason = await self._until_lost(patience)
            self._connection = None
            self._tally.retries += 1
            await patience.wait(reason, self._come_back_after_ms)

    async def command(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send the command until it is acknowledged.

        Raises:
            CommandRefused: it never will be.
        """
        command_id = str(uuid7())
        frame = _encode({"type": "command", "id": command_id, "name": name, "payload": payload})
        started_at = perf_counter()
        patience = Patience(self._patience_s)
        while True:
            pending = self._pending = Pending(command_id, frame, None, anyio.Event())
            await self._send(frame)
            await pending.answered.wait()
            assert pending.answer is not None
            answer = pending.answer.payload
            if pending.answer.type == "ack":
                self._tally.ack_ms.append((perf_counter() - started_at) * 1_000)
                return answer
            if not answer["retryable"]:
                raise CommandRefused(f"{name}: {answer['code']}: {answer['message']}")
            self._tally.retries += 1
            await patience.wait(answer["code"], answer.get("retry_after_ms"))

    async def interim(self, payload: dict[str, Any]) -> None:
        """Broadcast it, if there is a connection: what is interim is not worth waiting for."""
        if self._connection is not None:
            self._tally.interims_sent += 1
            await self._send(_encode({"type": "interim", "payload": payload}))

    async def reached(self, version: int) -> None:
        """Wait until every event up to the version has been received."""
        while self._checker.version < version:
            self._moved = anyio.Event()
            await self._moved.wait()

    async def _until_lost(self, patience: Patience) -> str:
        """One connection, from its beginning to its end; why it ended."""
        try:
            async with connect(
                self._address(),
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                proxy=None,
                open_timeout=HANDSHAKE_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                max_queue=MAX_WAITING_FRAMES,
            ) as connection:
                await self._shake_hands(connection)
                patience.succeeded()
                await self._listen(connection)
        except ConnectionClosed as closed:
            return _reason_of(closed)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            return type(error).__name__

    def _address(self) -> str:
        """Fresh at first, then from where the last connection broke off."""
        checker = self._checker
        if not self._has_been_live:
            return self._url
        return f"{self._url}?after={checker.version}&epoch={checker.chain.epoch}"

    async def _send(self, frame: bytes) -> None:
        """Without a connection, or with one that breaks now, the next one sends what is pending."""
        if self._connection is None:
            return
        try:
            await self._connection.send(frame, text=True)
        except ConnectionClosed:
            self._connection = None

    async def _shake_hands(self, connection: ClientConnection) -> None:
        """Until `live`; then what waits for its answer is sent again."""
        after = self._checker.version if self._has_been_live else None
        with anyio.fail_after(HANDSHAKE_TIMEOUT_S):
            while not self._take(await self._receive(connection), after):
                pass
        self._tally.reconnects += self._has_been_live
        self._connection, self._has_been_live = connection, True
        if self._pending is not None and self._pending.answer is None:
            await self._send(self._pending.frame)

    def _take(self, frame: Frame, after: int | None) -> bool:
        """One frame of the handshake; whether it was the last."""
        payload = frame.payload
        match frame.type, payload.get("status"):
            case "connection_status", "ready":
                self._checker.connect(payload["resume"], after)
            case "connection_status", "live":
                self._checker.live(payload["head"])
                return True
            case "state_update", _ if frame.seq is None:
                self._checker.snapshot(payload)
            case _:
                self._check(frame)
        return False

    async def _listen(self, connection: ClientConnection) -> NoReturn:
        while True:
            frame = await self._receive(connection)
            match frame.type:
                case "ack":
                    self._answered(frame, frame.payload["command_id"])
                case "error" if frame.seq is None:
                    self._answered(frame, frame.payload.get("command_id"))
                case "connection_status":
                    self._come_back_after_ms = frame.payload.get("after_ms")
                case _:
                    self._check(frame)

    def _check(self, frame: Frame) -> None:
        self._checker.receive(frame)
        if frame.seq is None:
            self._tally.interims_received += 1
        else:
            self._moved.set()

    async def _receive(self, connection: ClientConnection) -> Frame:
        frame = read_frame(await connection.recv(decode=False))
        self._tally.frames_received += 1
        return frame

    def _answered(self, answer: Frame, command_id: str | None) -> None:
        pending = self._pending
        if pending is not None and pending.command_id == command_id:
            pending.resolve(answer)
        else:
            self._checker.note(f"{answer.type} for {command_id}, which nobody waits for: {answer.payload}")


def _reason_of(closed: ConnectionClosed) -> str:
    """What the close means.

    Raises:
        SocketStopped: not to come back.
    """
    code = closed.rcvd.code if closed.rcvd else 1006
    if code in _STOP or (code in PRIVATE_CODES and code not in _KNOWN):
        raise SocketStopped(f"the service closed the socket with {code}")
    return f"close code {code}"
