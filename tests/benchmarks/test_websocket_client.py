"""The load generator's own WebSocket: it must count what a real one counts, however the network cuts it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from benchmarks.sockets.websocket import Socket, upgrade_request
from benchmarks.subject import BenchmarkError

texts_of_every_length_field = st.lists(
    st.one_of(st.binary(max_size=125), st.binary(min_size=126, max_size=300), st.just(b"x" * 70_000)), max_size=8
)


@asynccontextmanager
async def connected(
    handler: Callable[[ServerConnection], Awaitable[None]], keepalive: tuple[bytes, bytes] | None = None
) -> AsyncIterator[tuple[Socket, asyncio.Future[None]]]:
    """A socket at a server of the websockets library, and its trouble."""
    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        loop = asyncio.get_running_loop()
        trouble: asyncio.Future[None] = loop.create_future()
        _, socket = await loop.create_connection(lambda: Socket(trouble, keepalive), "127.0.0.1", port)
        await socket.upgrade(upgrade_request("/", port, None))
        yield socket, trouble
        socket.close()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@given(texts=texts_of_every_length_field, cuts=st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_every_text_is_found_wherever_the_pieces_are_cut(texts: list[bytes], cuts: list[int]) -> None:
    stream = b"HTTP/1.1 101 Switching Protocols\r\nServer: " + b"a" * 200 + b"\r\n\r\n"
    stream += b"".join(Frame(Opcode.TEXT, text).serialize(mask=False) for text in texts)

    async def received() -> tuple[list[bytes], int]:
        socket = Socket(asyncio.get_running_loop().create_future(), None)
        found: list[bytes] = []
        socket.on_text = found.append
        rest, turn = stream, 0
        while rest:
            size = cuts[turn % len(cuts)] if turn < 50 else len(rest)
            piece, rest, turn = rest[:size], rest[size:], turn + 1
            socket.data_received(piece)
        return found, socket.frames

    assert asyncio.run(received()) == (texts, len(texts))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 60_000])
async def test_a_real_server_understands_what_it_sends(size: int) -> None:
    async with connected(echo) as (socket, _):
        text = b"t" * size

        arrived = asyncio.Event()
        socket.on_frames = lambda _frames: arrived.set()
        socket.send(text)
        await asyncio.wait_for(arrived.wait(), 5)

        assert (socket.frames, socket.last_text) == (1, text)


async def test_a_ping_is_answered_and_not_counted() -> None:
    async def ping(connection: ServerConnection) -> None:
        await (await connection.ping())
        await connection.send("after the pong")
        await connection.wait_closed()

    async with connected(ping) as (socket, _), asyncio.timeout(5):
        await socket.until(lambda text: text == b"after the pong")

        assert socket.frames == 1


async def test_the_keepalive_of_a_dialect_is_answered_and_not_counted() -> None:
    async def engine_io(connection: ServerConnection) -> None:
        await connection.send("2")
        answer = await connection.recv()
        await connection.send(f"got {answer!s}")
        await connection.wait_closed()

    async with connected(engine_io, keepalive=(b"2", b"3")) as (socket, _), asyncio.timeout(5):
        await socket.until(lambda text: text == b"got 3")

        assert socket.frames == 1


async def test_a_server_that_closes_is_trouble() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.close(4404)

    async with connected(refuse) as (_, trouble):
        with pytest.raises(BenchmarkError, match="4404"):
            await asyncio.wait_for(trouble, 5)


async def test_a_refused_upgrade_is_trouble() -> None:
    trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    socket = Socket(trouble, None)

    socket.data_received(b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 5\r\n\r\n{}")

    with pytest.raises(BenchmarkError, match=r"no upgrade: .* 429"):
        await trouble


async def test_a_goodbye_of_its_own_is_no_trouble() -> None:
    gone = asyncio.Event()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        assert connection.close_code == 1000
        gone.set()

    async with connected(wait) as (socket, trouble):
        socket.close()
        await asyncio.wait_for(gone.wait(), 5)

        assert not trouble.done()
