"""A link that has stalled answers nothing, not even a request to cancel."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow


@contextmanager
def cut_after(connection: psycopg.AsyncConnection[TupleRow], seconds: float) -> Iterator[None]:
    """Shut the connection's socket when the block takes longer; the statement in it then fails as operational."""
    timer = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    if not connection.closed:
        with socket.socket(fileno=socket.dup(connection.fileno())) as stalled:
            stalled.shutdown(socket.SHUT_RDWR)
