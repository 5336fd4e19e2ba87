"""Clients that do not speak the protocol, nor HTTP, or speak too little of it: nothing of the service is theirs."""

import asyncio
import base64
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.ws.guarded import CLOSE_TIMEOUT_S
from app.ws.protocol import MAX_FRAME_BYTES
from app.ws.transport import FrameTransport
from tests.support.rest import NOBODYS_ID, Rest
from tests.support.server import RunningServer
from tests.support.sockets import tcp_socket
from tests.support.waiting import until

SMALL_BUFFER_BYTES = 16 * 1024
LARGE_TEXT = "0123456789" * 3_000

PATH = f"/api/ws/conversations/{NOBODYS_ID}".encode()
UPGRADE = (
    b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n"
)


def request(target: bytes = PATH, headers: bytes = UPGRADE) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + headers + b"\r\n"


HOSTILE = {
    "a byte that is not ASCII in the path": request(PATH + b"\xff"),
    "a byte that is not ASCII in the query": request(PATH + b"?after=\xff"),
    "a percent sign and no UTF-8 in the path": request(b"/api/ws/conversations/%ff%fe"),
    "a percent sign and no UTF-8 in the query": request(PATH + b"?after=%ff&epoch=%c0%80"),
    "half a percent sign": request(PATH + b"?after=%&%=%zz"),
    "a header name that is not ASCII": request(headers=UPGRADE + b"\xe4: x\r\n"),
    "a header value that is not ASCII": request(headers=UPGRADE + b"X-Name: \xff\xfe\r\nCookie: \xe4=\xff\r\n"),
    "an origin that is not ASCII": request(headers=UPGRADE + b"Origin: http://\xff\r\n"),
    "an origin that is no address": request(headers=UPGRADE + b"Origin: http://[::1\r\n"),
    "a subprotocol that is not ASCII": request(headers=UPGRADE + b"Sec-WebSocket-Protocol: \xff, conv.v1\r\n"),
    "a subprotocol that is none": request(headers=UPGRADE + b"Sec-WebSocket-Protocol: ,,\r\n"),
    "no key": request(headers=UPGRADE.rpartition(b"Sec-WebSocket-Key")[0]),
    "a key that is none": request(headers=UPGRADE.replace(b"AAAA", b"====")),
    "an old version": request(headers=UPGRADE.replace(b"13", b"8")),
    "a POST": request().replace(b"GET", b"POST"),
    "a target that is a star": request(b"*"),
    "a target that is a whole address": request(b"http://x" + PATH),
    "a cursor of five thousand digits": request(PATH + b"?after=" + b"9" * 5_000),
    "two hundred headers": request(headers=UPGRADE + b"X: y\r\n" * 200),
    "a header of ten thousand bytes": request(headers=UPGRADE + b"X: " + b"y" * 10_000 + b"\r\n"),
    "a method that is none": b"\x00\x01\x02\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
}


@asynccontextmanager
async def raw(
    server: RunningServer, receive_buffer_bytes: int | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of bytes."""
    reader, writer = await asyncio.open_connection(sock=tcp_socket(server.address, receive_buffer_bytes))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def reading(reader: asyncio.StreamReader) -> asyncio.ReadTransport:
    """What can be told to read no more."""
    transport: asyncio.ReadTransport = vars(reader)["_transport"]
    return transport


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_handshake_of_any_kind_is_answered_and_logs_no_failure(
    server: RunningServer, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw(server) as (reader, writer):
        writer.write(sent)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            told = await reader.readuntil(b'"connection_status"') if b" 101 " in head else b""

    assert head.startswith(tuple(b"HTTP/1.1 %d" % status for status in (101, *range(400, 500)))), head
    assert b"not_found" in told or b"invalid_" in told or not told, told
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


MASK = bytes(4)
FINAL, TEXT, CONTINUATION, PING = 0x80, 0x1, 0x0, 0x9


def frame(opcode: int, data: bytes = b"", *, is_final: bool = True) -> bytes:
    """A frame as a client sends it, masked with zeros."""
    first = opcode | (FINAL if is_final else 0)
    if len(data) < 126:
        return bytes((first, 0x80 | len(data))) + MASK + data
    return bytes((first, 0x80 | 127)) + struct.pack("!Q", len(data)) + MASK + data


@asynccontextmanager
async def raw_live(
    server: RunningServer, rest: Rest
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A live socket of bytes."""
    conversation_id = await rest.given_conversation()
    async with raw(server) as (reader, writer):
        writer.write(request(f"/api/ws/conversations/{conversation_id}".encode()))
        await reader.readuntil(b'"status":"live"')
        yield reader, writer


def close_frame(code: int) -> bytes:
    """How the close with this code begins."""
    return struct.pack("!H", code)


@pytest.mark.parametrize("size_bytes", [MAX_FRAME_BYTES + 1, 2**20, 2**24])
async def test_however_large_a_frame_is_its_sender_learns_that_it_is_too_large(
    server: RunningServer, rest: Rest, size_bytes: int
) -> None:
    async with raw_live(server, rest) as (reader, writer):
        writer.write(frame(TEXT, b" " * size_bytes))
        async with asyncio.timeout(5):
            told = await reader.read()

    assert close_frame(1009) in told


async def test_pings_of_a_client_that_reads_nothing_pile_up_nowhere(server: RunningServer, rest: Rest) -> None:
    async with raw_live(server, rest) as (reader, writer):
        transport = transport_of_the_only_socket(server)
        reading(reader).pause_reading()
        many = frame(PING, b"x" * 125) * 1_000
        for _ in range(200):
            writer.write(many)
            await asyncio.sleep(0.005)

        assert transport.transport.get_write_buffer_size() < 2**20


async def test_empty_pieces_of_a_message_pile_up_nowhere(server: RunningServer, rest: Rest) -> None:
    async with raw_live(server, rest) as (reader, writer):
        transport = transport_of_the_only_socket(server)
        writer.write(frame(TEXT, b'{"type":', is_final=False))
        for _ in range(20):
            writer.write(frame(CONTINUATION, is_final=False) * 1_000)
        writer.write(frame(CONTINUATION, b'"ping",', is_final=False))
        await until(lambda: len(transport.frames) > 1)
        assert len(transport.frames) < 1_000

        writer.write(frame(CONTINUATION, b'"n":7}'))
        assert b'"n":7' in await reader.readuntil(b'"pong","n":7')


def transport_of_the_only_socket(server: RunningServer) -> FrameTransport:
    (live,) = server.parts.live
    outlet = vars(live.subscriber)["_outlet"]
    assert isinstance(outlet, FrameTransport)
    return outlet


async def test_a_client_that_closes_its_half_and_takes_nothing_is_freed(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    before = server.parts.hub.subscriber_count
    async with raw(server, receive_buffer_bytes=SMALL_BUFFER_BYTES) as (reader, writer):
        writer.write(request(f"/api/ws/conversations/{conversation_id}".encode()))
        await reader.readuntil(b'"status":"live"')
        transport = transport_of_the_only_socket(server)
        # given a client that has closed its half of the connection and does not read the other
        reading(reader).pause_reading()
        while transport.is_writable:
            await rest.given_message(conversation_id, content=LARGE_TEXT, role="system")
        writer.write_eof()
        # then its connection is cut, although it still holds its end
        await until(lambda: transport.disconnected, patience_s=2 * CLOSE_TIMEOUT_S)
        await until(lambda: server.parts.hub.subscriber_count == before)


async def test_text_that_is_not_utf_8_is_1007_without_a_traceback(
    server: RunningServer, rest: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_live(server, rest) as (reader, writer):
        writer.write(frame(TEXT, b'{"type": "\xff"}') * 3)
        async with asyncio.timeout(5):
            told = await reader.read()

    assert close_frame(1007) in told
    assert caplog.records == []
