"""Two processes of the service on one database: one is killed under load, and its clients go on at the other."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from app.client.chain import Chain
from app.client.frames import Frame
from domain.ports import RecordedEvent
from tests.support.history import HistoryLog, Outcome, judge, read_log, stored_events
from tests.support.postgres import embedded_server, temporary_folder
from tests.support.read_tables import findings, project_stored_events
from tests.support.served import ServedProcess

CONVERSATIONS = 12
LISTENERS_OF_EACH = 2
LOAD_S = 2.0
REQUEST_TIMEOUT_S = 5.0
CATCHING_UP_MAX_S = 20.0

TURN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("submit_user_message", {"content": "Find a table for two."}),
    ("start_response", {}),
    ("complete_response", {"content": "At half past eleven?"}),
)
LOST = (OSError, httpx.TransportError, ConnectionClosed, InvalidHandshake, TimeoutError)

Json = dict[str, Any]


class Nodes:
    """Where the service is to be had. Who has lost one tries another."""

    def __init__(self, *served: ServedProcess) -> None:
        self.alive = list(served)

    def any(self) -> ServedProcess:
        """One of those that are not known to be dead."""
        return random.choice(self.alive)


class Listener:
    """Follows one conversation over all of its connections, from its first event, and checks the chain."""

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.chain = Chain(0)
        self.faults: list[str] = []
        self.connections = 0
        self.ids: list[str] = []

    async def listen(self, nodes: Nodes) -> None:
        """For ever, where there is a node."""
        while True:
            with suppress(*LOST):
                await self._listen(nodes.any())
            await asyncio.sleep(0.05)

    async def _listen(self, served: ServedProcess) -> None:
        url = f"{served.websocket_url}/api/ws/conversations/{self.conversation_id}?after={self.chain.cursor}"
        async with connect(url, subprotocols=[Subprotocol("conv.v1")], proxy=None, close_timeout=1) as connection:
            self.connections += 1
            async for text in connection:
                self._hear(msgspec.json.decode(text))

    def _hear(self, frame: Json) -> None:
        if frame["payload"].get("status") == "ready":
            resume = frame["payload"]["resume"]
            self.faults += [] if resume["outcome"] == "resumed" else [f"{resume} instead of a replay"]
            self.faults += self.chain.connect(resume["epoch"], resume["after"])
        self.faults += self.chain.follow(msgspec.convert(frame, Frame))
        if frame["seq"] is not None and frame.get("part", [1, 1])[0] == frame.get("part", [1, 1])[1]:
            self.ids.append(frame["id"].partition(".")[0])


class Writer:
    """Holds one conversation over sockets: a command without an answer is sent again, with its id, to another node."""

    def __init__(self, conversation_id: str, log: HistoryLog) -> None:
        self._conversation_id = conversation_id
        self._log = log
        self.is_stopped = False
        self._pending: tuple[str, str, Json] | None = None
        self._sent = 0

    async def write(self, nodes: Nodes) -> None:
        """Until it is stopped and has no command without an answer."""
        while not self.is_stopped or self._pending is not None:
            with suppress(*LOST):
                await self._write(nodes.any())
            await asyncio.sleep(0.05)

    async def _write(self, served: ServedProcess) -> None:
        url = f"{served.websocket_url}/api/ws/conversations/{self._conversation_id}"
        async with connect(url, proxy=None, close_timeout=1) as connection:
            while not self.is_stopped or self._pending is not None:
                if self._pending is None:
                    name, payload = TURN[self._sent % len(TURN)]
                    self._pending = (str(uuid4()), name, payload)
                command_id, name, payload = self._pending
                self._log.invoke(self._conversation_id, command_id)
                frame = {"type": "command", "id": command_id, "name": name, "payload": payload}
                try:
                    await connection.send(msgspec.json.encode(frame), text=True)
                    async with asyncio.timeout(REQUEST_TIMEOUT_S):
                        answer = await self._answer(connection, command_id)
                except LOST as lost:
                    self._log.unknown(self._conversation_id, command_id, type(lost).__name__)
                    raise
                self._take(command_id, answer)
                await asyncio.sleep(0.08)

    async def _answer(self, connection: Any, command_id: str) -> Json:
        while True:
            frame: Json = msgspec.json.decode(await connection.recv())
            if frame["seq"] is None and frame["payload"].get("command_id") == command_id:
                return frame

    def _take(self, command_id: str, answer: Json) -> None:
        payload = answer["payload"]
        if answer["type"] == "ack":
            self._log.ok(self._conversation_id, command_id, [payload["version"]])
            self._pending = None
            self._sent += 1
        else:
            assert payload["retryable"], payload
            self._log.unknown(self._conversation_id, command_id, payload["code"])


async def start_conversation(served: ServedProcess, log: HistoryLog) -> str:
    """Its id."""
    conversation_id, command_id = str(uuid4()), str(uuid4())
    log.invoke(conversation_id, command_id)
    async with httpx.AsyncClient(base_url=served.url, headers={"Idempotency-Key": command_id}) as client:
        answer = await client.post("/api/v2/conversations", json={"id": conversation_id})
        assert answer.status_code == httpx.codes.CREATED, answer.text
    log.ok(conversation_id, command_id, [1])
    return conversation_id


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


async def test_clients_of_a_killed_process_go_on_at_another_with_neither_loss_nor_double(folder: Path) -> None:
    with embedded_server(durable=True) as postgres:
        # given two processes on one database, and clients at both
        doomed, other = (ServedProcess(folder / name, {"DATABASE_URL": postgres.dsn}) for name in ("one", "two"))
        for served in (doomed, other):
            await anyio.to_thread.run_sync(served.start)
        log_path = folder / "history.jsonl"
        log = HistoryLog(log_path)
        nodes = Nodes(doomed, other)
        ids = [await start_conversation(nodes.any(), log) for _ in range(CONVERSATIONS)]
        writers = [Writer(conversation_id, log) for conversation_id in ids]
        listeners = [Listener(conversation_id) for conversation_id in ids for _ in range(LISTENERS_OF_EACH)]
        try:
            async with anyio.create_task_group() as listening:
                for listener in listeners:
                    listening.start_soon(listener.listen, nodes)
                async with anyio.create_task_group() as writing:
                    for writer in writers:
                        writing.start_soon(writer.write, nodes)
                    await anyio.sleep(LOAD_S)
                    # when one of them is killed under load
                    doomed.kill()
                    nodes.alive.remove(doomed)
                    await anyio.sleep(LOAD_S)
                    for writer in writers:
                        writer.is_stopped = True
                # then every listener catches up
                stored = stored_events(postgres.dsn)
                heads = {conversation_id: len(ids) for conversation_id, ids in event_ids(stored).items()}
                with anyio.fail_after(CATCHING_UP_MAX_S):
                    while any(one.chain.version < heads[one.conversation_id] for one in listeners):  # noqa: ASYNC110
                        await anyio.sleep(0.05)
                listening.cancel_scope.cancel()
            assert await anyio.to_thread.run_sync(other.stop) == 0
            # and the rows, whose writer may have been killed in the middle of a page, have neither gap nor double
            await project_stored_events(postgres.dsn)
            found = await findings(postgres.dsn)
            assert (found.first, found.parked, found.conversations) == (None, 0, CONVERSATIONS)
        finally:
            if other.is_running():
                other.kill()
            log.close()

    # and nothing that was acknowledged is lost, nothing is doubled, and everybody saw exactly what is stored
    entries = read_log(log_path)
    assert judge(entries, stored) == []
    assert sum(entry.outcome is Outcome.OK for entry in entries) > 10 * CONVERSATIONS
    assert [listener.faults for listener in listeners] == [[]] * len(listeners)
    assert [listener.ids for listener in listeners] == [event_ids(stored)[one.conversation_id] for one in listeners]
    assert any(listener.connections > 1 for listener in listeners)


def event_ids(stored: tuple[RecordedEvent, ...]) -> dict[str, list[str]]:
    """By conversation, in order."""
    ids: dict[str, list[str]] = defaultdict(list)
    for event in stored:
        ids[event.conversation_id].append(event.event_id)
    return ids
