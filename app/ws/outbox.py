"""Gathers what is written to sockets in one go, so that each of them costs one system call and not one for each frame.

uvloop writes at once. A commit, its frames to everybody and the acknowledgement to the one who asked come within two
turns of the event loop, so that is how long a frame waits for company: some ten microseconds.
"""

import asyncio
from typing import Protocol


class Gathering(Protocol):
    """A transport that has something to write."""

    def flush(self) -> None:
        """Write it."""
        ...


class Outbox:
    """One for all transports of a server."""

    def __init__(self) -> None:
        self._transports: list[Gathering] = []

    def add(self, transport: Gathering) -> None:
        """Flush the transport soon."""
        if not self._transports:
            asyncio.get_running_loop().call_soon(self._wait_another_turn)
        self._transports.append(transport)

    def _wait_another_turn(self) -> None:
        asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        transports, self._transports = self._transports, []
        for transport in transports:
            transport.flush()
