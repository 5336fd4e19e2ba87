"""docs/reference/websocket.md is enough to write a client from: the one that stands there is run."""

import json
import re
import runpy
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.console.checkout import checkout_root
from app.ws.protocol import CLOSE_CODES
from tests.support.fault_proxy import FaultProxy, Way
from tests.support.rest import NOBODYS_ID, Rest
from tests.support.server import RunningServer
from tests.support.waiting import until

PAGE = (checkout_root() / "docs/reference/websocket.md").read_text(encoding="utf-8")
CLIENT = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
MAX_CUTS = 40


@pytest.fixture
def client_file(tmp_path: Path) -> Path:
    """The client of the page, as somebody would save it."""
    (code,) = CLIENT
    path = tmp_path / "client.py"
    path.write_text(code, encoding="utf-8")
    return path


def follower(client_file: Path, url: str, shown: list[str]) -> Any:
    """The page's own follower, which shows what is said by adding it to the list."""
    base: Any = runpy.run_path(str(client_file))["Follower"]

    class Watched(base):  # type: ignore[misc] # its type is made of the page
        def show(self, speaker: str, text: str) -> None:
            shown.append(text)

    return Watched(url)


def socket_url(address: str, conversation_id: str) -> str:
    return f"{address.replace('http', 'ws', 1)}/api/ws/conversations/{conversation_id}"


async def test_the_client_of_the_page_misses_nothing(
    server: RunningServer, rest: Rest, client_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0)  # it comes back at once
    conversation_id, shown = await rest.given_conversation(), list[str]()
    host, _, port = server.address.rpartition("/")[2].partition(":")
    async with FaultProxy(f"host={host} port={port}") as proxy, anyio.create_task_group() as tasks:
        # given a client that follows a conversation, and is cut off while much is said
        client = follower(client_file, socket_url(f"http://127.0.0.1:{port_of(proxy)}", conversation_id), shown)
        tasks.start_soon(client.follow)
        await until(lambda: client.after == 1)
        proxy.go_away()
        said = [f"message {number}" for number in range(30)]
        for text in said:
            await rest.given_message(conversation_id, role="system", content=text)

        def is_cut_or_done(cuts: int) -> bool:
            return proxy.cuts == cuts or len(shown) >= len(said)

        # when each connection is cut somewhere, between the two messages of an event or within one
        for cut in range(MAX_CUTS):
            proxy.heal()
            proxy.cut_after(Way.TO_CLIENT, 1_300 + 97 * cut % 1_400)
            await until(partial(is_cut_or_done, cut + 1))
        proxy.heal()

        # then it has shown everything once, in order
        await until(lambda: len(shown) >= len(said))
        tasks.cancel_scope.cancel()
    assert shown == said
    assert proxy.cuts > 10


def port_of(proxy: FaultProxy) -> str:
    """The port of its DSN, which replaces that of the server."""
    return str(conninfo_to_dict(proxy.dsn)["port"])


async def test_the_client_of_the_page_begins_anew_after_a_gap(
    server: RunningServer, rest: Rest, client_file: Path
) -> None:
    conversation_id, shown = await rest.given_conversation(), list[str]()
    await rest.given_message(conversation_id, role="system", content="said")

    async with anyio.create_task_group() as tasks:
        client = follower(client_file, socket_url(server.address, conversation_id), shown)
        client.after, client.epoch = 1_000, "another"
        tasks.start_soon(client.follow)
        await until(lambda: client.after == 2)
        tasks.cancel_scope.cancel()

    assert shown == ["said"]


async def test_the_client_of_the_page_stops_when_it_is_told_to(server: RunningServer, client_file: Path) -> None:
    run = await anyio.run_process(
        [sys.executable, str(client_file), socket_url(server.address, NOBODYS_ID)], check=False
    )

    assert run.stderr.decode().strip() == "closed with 4404"


def test_the_client_of_the_page_knows_the_codes(client_file: Path) -> None:
    client = runpy.run_path(str(client_file))

    def stops(code: int) -> bool:
        return code in client["STOP"] or (4400 <= code <= 4499 and code not in client["RESUME"])

    assert {row.code for row in CLOSE_CODES if stops(row.code)} == {
        row.code for row in CLOSE_CODES if row.action in ("stop", "refresh_token")
    }
    assert client["RESUME"] == {row.code for row in CLOSE_CODES if row.code >= 4_400 and row.action == "resume"}
    (table,) = (json.loads(path.read_text()) for path in [checkout_root() / "docs/reference/close-codes.json"])
    backoffs = {row["code"]: row["backoff"] for row in table["codes"] if row["backoff"]}
    assert client["AT_LEAST_MS"] == {code: row["floor_ms"] for code, row in backoffs.items() if row["floor_ms"]}
    assert client["FIRST_JITTER_MS"] == {
        code: row["base_ms"]
        for code, row in backoffs.items()
        if row["base_ms"] != table["otherwise"]["backoff"]["base_ms"]
    }


def test_every_link_within_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    links = set(re.findall(r"\]\(#([^)]*)\)", PAGE))
    assert links
    assert links - anchors == set()
