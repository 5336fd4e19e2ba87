"""A client whose machine has vanished: nothing comes from it any more, not even the end of its connection."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.postgres import temporary_folder
from tests.support.served import ServedProcess

FREED_WITHIN_S = 45.0


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


def test_with_the_usual_settings_a_client_that_has_vanished_is_freed_in_time(folder: Path) -> None:
    # given a socket whose client takes note of nothing any more
    served = ServedProcess(folder / "data")
    served.start()
    try:
        conversation_id = httpx.post(f"{served.url}/api/v2/conversations", json={}).json()["conversation"]["id"]
        address = served.url.rpartition("/")[2].rpartition(":")
        with socket.create_connection((address[0], int(address[2]))) as vanished:
            before = descriptors_of(served)
            vanished.sendall(
                f"GET /api/ws/conversations/{conversation_id} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
            )
            began_s = time.monotonic()
            # then the service closes it
            vanished.settimeout(FREED_WITHIN_S)
            received = b""
            while chunk := vanished.recv(4_096):
                received += chunk
            assert time.monotonic() - began_s < FREED_WITHIN_S
            # with 1011, and its descriptor is free although this end was never closed
            assert b'"status":"live"' in received
            assert b"\x03\xf3" in received[-32:]
            assert descriptors_of(served) <= before
    finally:
        served.kill()


def descriptors_of(served: ServedProcess) -> int:
    """How many sockets of TCP the process has."""
    links = [link for link in Path(f"/proc/{served.process_id}/fd").iterdir() if link.is_symlink()]
    return sum(link.readlink().name.startswith("socket:") for link in links)
