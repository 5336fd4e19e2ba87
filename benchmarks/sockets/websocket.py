"""The client's end of a WebSocket, made to be faster than any server here: headers are walked, payloads are not read.

It knows of RFC 6455 what these servers send: whole frames without extensions.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from os import urandom
from typing import Final, cast

from benchmarks.subject import BenchmarkError

TEXT: Final = 0x81
CLOSE: Final = 0x88
PING: Final = 0x89
PONG: Final = 0x8A
MASKED: Final = 0x80
LENGTH_IN_TWO_BYTES: Final = 126
LENGTH_IN_EIGHT_BYTES: Final = 127
NORMAL_CLOSURE: Final = (1_000).to_bytes(2, "big")

# A key of one byte four times makes masking one `translate`. Some servers skip a key of zeros, so it is none.
KEY_BYTE: Final = 0x55
KEY: Final = bytes((KEY_BYTE,)) * 4
MASK: Final = bytes(byte ^ KEY_BYTE for byte in range(256))


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A masked frame."""
    size = len(payload)
    if size < LENGTH_IN_TWO_BYTES:
        header = bytes((opcode, MASKED | size))
    else:
        header = bytes((opcode, MASKED | LENGTH_IN_TWO_BYTES)) + size.to_bytes(2, "big")
    return header + KEY + payload.translate(MASK)


def upgrade_request(path: str, port: int, subprotocol: str | None) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {b64encode(urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class Socket(asyncio.Protocol):
    """`frames` counts the text frames, `last_text` is the newest of them.

    `on_text` is called with each text, where it is set; `on_frames` with the number of them in each piece that the
    network brings. `keepalive` is a text that is answered instead of counted, and its answer.
    """

    def __init__(self, trouble: asyncio.Future[None], keepalive: tuple[bytes, bytes] | None) -> None:
        self.frames = 0
        self.last_text = b""
        self.on_text: Callable[[bytes], None] | None = None
        self.on_frames: Callable[[int], None] | None = None
        self._trouble = trouble
        self._keepalive = keepalive
        self._rest = b""
        self._upgraded = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    async def upgrade(self, request: bytes) -> None:
        self._write(request)
        await self._upgraded

    async def until(self, is_awaited: Callable[[bytes], bool]) -> None:
        """Wait for a text, which may be the newest that has come."""
        if is_awaited(self.last_text):
            return
        found = asyncio.get_running_loop().create_future()

        def look(text: bytes) -> None:
            if not found.done() and is_awaited(text):
                found.set_result(None)

        self.on_text = look
        await found
        self.on_text = None

    def send(self, *texts: bytes) -> None:
        self._write(b"".join([client_frame(TEXT, text) for text in texts]))

    def close(self) -> None:
        """Say goodbye and do not wait for the answer."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.write(client_frame(CLOSE, NORMAL_CLOSURE))
            transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._fail(f"a server closed the connection: {exc or 'without a word'}")

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        try:
            if not self._upgraded.done():
                self._read_response(data)
            else:
                self._read_frames(data)
        except BenchmarkError as error:
            self._fail(str(error))

    def _read_frames(self, data: bytes) -> None:
        at, size, frames = 0, len(data), 0
        while size - at >= 2:
            start = at + 2
            length = data[at + 1]
            if length >= LENGTH_IN_TWO_BYTES:
                start += 2 if length == LENGTH_IN_TWO_BYTES else 8
                length = int.from_bytes(data[at + 2 : start], "big")
            stop = start + length
            if stop > size:
                break
            payload = data[start:stop]
            if data[at] != TEXT:
                self._control(data[at], payload)
            elif self._keepalive is not None and payload == self._keepalive[0]:
                self.send(self._keepalive[1])
            else:
                frames += 1
                self.last_text = payload
                if self.on_text is not None:
                    self.on_text(payload)
            at = stop
        self._rest = data[at:]
        self.frames += frames
        if frames and self.on_frames is not None:
            self.on_frames(frames)

    def _read_response(self, data: bytes) -> None:
        """To the upgrade; frames may follow it at once."""
        response, end, frames = data.partition(b"\r\n\r\n")
        if not end:
            self._rest = data
            return
        status = response.partition(b"\r\n")[0].decode("latin-1")
        if " 101 " not in status:
            raise BenchmarkError(f"no upgrade: {status}")
        self._upgraded.set_result(None)
        self._read_frames(frames)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._write(client_frame(PONG, payload))
        elif opcode == CLOSE:
            raise BenchmarkError(f"a server closed a socket with {int.from_bytes(payload[:2], 'big')}")
        elif opcode != PONG:
            raise BenchmarkError(f"a frame that this client does not know: {opcode:#x}")

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _fail(self, reason: str) -> None:
        if not self._trouble.done():
            self._trouble.set_exception(BenchmarkError(reason))
