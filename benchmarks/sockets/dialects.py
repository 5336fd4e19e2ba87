"""How each server is spoken to: where to connect, when a socket is ready, what asks and what answers."""

import json
from abc import ABC, abstractmethod
from typing import ClassVar, Final, Literal

import httpx

from benchmarks.sockets import messages
from benchmarks.sockets.websocket import Socket
from benchmarks.subject import BenchmarkError

Role = Literal["talker", "listener", "publisher"]
CONVERSATION: Final = {"user_id": "user-1", "channel": "voice", "language": "en"}
CONVERSATIONS_AT_A_TIME: Final = 16


class Dialect(ABC):
    """Rooms are counted from 0. A talker waits for answers, a publisher broadcasts to the listeners of its room."""

    subprotocol: ClassVar[str | None] = None
    keepalive: ClassVar[tuple[bytes, bytes] | None] = None
    answers_reach_listeners: ClassVar[bool] = False
    """Whether a talker's message is also broadcast to its room."""
    frames_per_stored_message: ClassVar[int] = 0
    """What a stored message brings each listener; 0: this server stores none."""

    async def open_rooms(self, port: int, count: int) -> None:  # noqa: B027 - most servers need nothing
        """Make what must be there before anybody connects."""

    @abstractmethod
    def path(self, role: Role, room: int) -> str: ...

    async def ready(self, socket: Socket) -> None:  # noqa: B027 - as above
        """After the upgrade: wait until messages come and go."""

    def ask(self, number: int) -> bytes:
        """A message that is answered."""
        return messages.turn_command(number)

    def is_answer(self, _text: bytes) -> bool:
        return True

    def is_heard(self, _answer: bytes, _last_heard: bytes) -> bool:
        """Whether a listener whose newest text this is has got what was answered."""
        return True

    def publish(self, number: int) -> bytes:
        """A message that is broadcast and forgotten."""
        return messages.broadcast(number)


class Bare(Dialect):
    """Of bare uvicorn: an echo is the answer."""

    _PATHS: ClassVar[dict[Role, str]] = {"talker": "/echo", "listener": "/room", "publisher": "/publish"}

    def path(self, role: Role, room: int) -> str:  # noqa: ARG002 - it has one room
        return self._PATHS[role]


class SocketIo(Dialect):
    """Of socket.io and python-socketio: Engine.IO 4, events with acknowledgements."""

    keepalive = (b"2", b"3")

    def path(self, role: Role, room: int) -> str:  # noqa: ARG002 - it has one room
        return f"/socket.io/?EIO=4&transport=websocket&role={role}"

    async def ready(self, socket: Socket) -> None:
        await socket.until(lambda text: text.startswith(b"0"))
        socket.send(b"40")
        await socket.until(lambda text: text.startswith(b"40"))

    def ask(self, number: int) -> bytes:
        return b'42%d["command",%b]' % (number, super().ask(number))

    def is_answer(self, text: bytes) -> bool:
        return text.startswith(b"43")

    def publish(self, number: int) -> bytes:
        return b'42["publish",%b]' % super().publish(number)


class Turnlog(Dialect):
    """A room is a conversation. Everybody in it hears what a command has changed; interims are broadcast only."""

    subprotocol = "conv.v1"
    answers_reach_listeners = True
    frames_per_stored_message = 2

    def __init__(self) -> None:
        self._conversations: list[str] = []

    async def open_rooms(self, port: int, count: int) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as rest:
            for _ in range(count):
                response = await rest.post("/api/v2/conversations", json=CONVERSATION)
                self._conversations.append(response.raise_for_status().json()["conversation"]["id"])

    def path(self, role: Role, room: int) -> str:  # noqa: ARG002 - every socket may do everything
        return f"/api/ws/conversations/{self._conversations[room]}"

    async def ready(self, socket: Socket) -> None:
        """With the replay behind it, which is a read of the database."""
        await socket.until(lambda text: b'"status":"live"' in text)

    def is_answer(self, text: bytes) -> bool:
        if b'"type":"error"' in text:
            raise BenchmarkError(f"refused: {text.decode()}")
        return b'"type":"ack"' in text

    def is_heard(self, answer: bytes, last_heard: bytes) -> bool:
        acknowledged: int = json.loads(answer)["payload"]["version"]
        heard: int | None = json.loads(last_heard)["seq"]
        return heard == acknowledged

    def publish(self, number: int) -> bytes:
        return messages.interim(number)


DIALECTS: Final[dict[str, type[Dialect]]] = {
    "bare": Bare,
    "socketio": SocketIo,
    "turnlog": Turnlog,
}
