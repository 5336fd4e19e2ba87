"""Whoever opens a connection has to send a request, whole and soon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.http import transport
from tests.support.server import RunningServer
from tests.support.sockets import tcp_socket

REQUEST_MAX_S = 0.4
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LATE = {
    "nothing": b"",
    "half a request line": b"GET /hea",
    "half a head": GET[:-2],
    "no body": b"POST /api/v2/conversations HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
    "a request and the beginning of another": GET + b"GET",
}


@asynccontextmanager
async def connection(server: RunningServer) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Of bytes."""
    reader, writer = await asyncio.open_connection(sock=tcp_socket(server.address))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "REQUEST_MAX_S", REQUEST_MAX_S)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("sent", LATE.values(), ids=LATE.keys())
async def test_a_connection_whose_request_does_not_come_is_cut(server: RunningServer, sent: bytes) -> None:
    async with connection(server) as (reader, writer):
        writer.write(sent)
        async with asyncio.timeout(4):  # before uvicorn's own five seconds between two requests
            assert await until_cut(reader) in ("ended", "reset")


async def until_cut(reader: asyncio.StreamReader) -> str:
    """How the connection ended, whatever was read before."""
    try:
        await reader.read()
    except ConnectionResetError:
        return "reset"
    return "ended"


@pytest.mark.usefixtures("_impatient")
async def test_empty_lines_are_no_request(server: RunningServer) -> None:
    async with connection(server) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\r\n")
        async with asyncio.timeout(4):
            assert await until_cut(reader) in ("ended", "reset")


@pytest.mark.usefixtures("_impatient")
async def test_a_connection_with_a_request_now_and_then_stays(server: RunningServer) -> None:
    async with connection(server) as (reader, writer):
        for _ in range(4):
            writer.write(GET)
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(REQUEST_MAX_S / 1.5)


async def test_a_head_without_an_end_is_answered_400(server: RunningServer) -> None:
    async with connection(server) as (reader, writer):
        writer.write(GET[:-2] + b"X: y\r\n" * 20_000)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 400 ")
