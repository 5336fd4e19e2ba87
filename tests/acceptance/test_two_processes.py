"""Two processes on one database: one after the other is killed with its sockets, and the clients go on at the other."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
from uuid_utils import uuid7
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.history import HistoryLog, judge, read_log, stored_events
from tests.support.postgres import embedded_server, temporary_folder
from tests.support.rest import Rest
from tests.support.served import ServedProcess
from tests.support.sockets import Json, SocketClient, connected
from tests.support.waiting import until

CONVERSATIONS = 10
MAX_COMMANDS = 450  # a replay has at most 500 events
COMMAND_INTERVAL_S = 0.03
LOAD_S = 1.5
RECONNECT_INTERVAL_S = 0.05

TURN: tuple[tuple[str, Json], ...] = (
    ("start_listening", {}),
    ("submit_user_message", {"content": "A table for two?"}),
    ("start_response", {}),
    ("complete_response", {"content": "At seven?"}),
)


class Roamer:
    """A client that goes to the other process when one is lost, and keeps what it has got, each frame once."""

    def __init__(self, nodes: list[ServedProcess], conversation_id: str) -> None:
        self._nodes = nodes
        self._epoch: str | None = None
        self.conversation_id = conversation_id
        self.begins_after = 0
        self.version: int | None = None
        self.texts: dict[str, str] = {}
        self.outcomes: list[str] = []

    async def run(self) -> None:
        """For ever, wherever there is somebody."""
        for node in cycle(self._nodes):
            try:
                async with connected(node.url, self.conversation_id, after=self.version, epoch=self._epoch) as client:
                    await self._shake_hands(client)
                    await self.talk(client)
            except (ConnectionClosed, OSError, InvalidHandshake):
                await anyio.sleep(RECONNECT_INTERVAL_S)

    async def talk(self, client: SocketClient) -> None:
        """A listener only listens."""
        while True:
            await self.next(client)

    async def next(self, client: SocketClient) -> Json:
        """The next frame, noted; silence is no fault."""
        while True:
            try:
                frame = await client.next()
            except TimeoutError:
                continue
            self._note(frame, client.texts[-1])
            return frame

    async def _shake_hands(self, client: SocketClient) -> None:
        """Note the replay; the first connection begins where the conversation is."""
        handshake = await client.until_live()
        resume = handshake[0]["payload"]["resume"]
        self.outcomes.append(resume["outcome"])
        for frame, text in zip(handshake, client.texts, strict=True):
            self._note(frame, text)
        if self.version is None:
            self.begins_after = self.version = resume["after"]
            self._epoch = resume["epoch"]

    def _note(self, frame: Json, text: str) -> None:
        if frame["seq"] is None:
            return
        assert self.texts.setdefault(frame["id"], text) == text
        part = frame.get("part")
        if part is None or part[0] == part[1]:
            self.version = frame["seq"]


class Driver(Roamer):
    """Holds the conversation: a command without an answer is sent again, with its id, to whoever is there."""

    def __init__(self, nodes: list[ServedProcess], conversation_id: str, log: HistoryLog) -> None:
        super().__init__(nodes, conversation_id)
        self._log = log
        self._pending: Json | None = None
        self._commands: Iterator[tuple[str, Json]] = cycle(TURN)
        self.answered = 0
        self.is_over = False

    @property
    def is_done(self) -> bool:
        return self.is_over and self._pending is None

    async def talk(self, client: SocketClient) -> None:
        """One command after the other, until it is over; then listen."""
        while (not self.is_over and self.answered < MAX_COMMANDS) or self._pending is not None:
            await self._command(client)
            await anyio.sleep(COMMAND_INTERVAL_S)
        await super().talk(client)

    async def _command(self, client: SocketClient) -> None:
        if self._pending is None:
            name, payload = next(self._commands)
            self._pending = {"type": "command", "id": str(uuid7()), "name": name, "payload": payload}
        command_id = self._pending["id"]
        self._log.invoke(self.conversation_id, command_id)
        await client.send(self._pending)
        answer: Json = {}
        while answer.get("command_id") != command_id:
            answer = (await self.next(client))["payload"]
        if "version" not in answer or "code" in answer:
            assert answer["retryable"], answer
            self._log.unknown(self.conversation_id, command_id, answer["code"])
            return
        self._log.ok(self.conversation_id, command_id, [answer["version"]])
        self._pending = None
        self.answered += 1


@contextmanager
def two_nodes() -> Iterator[tuple[Path, str, list[ServedProcess]]]:
    """A folder, a database with every flush on, and two processes that serve it."""
    with embedded_server(durable=True) as postgres, temporary_folder() as folder:
        nodes = [ServedProcess(folder / name, {"DATABASE_URL": postgres.dsn}) for name in ("left", "right")]
        try:
            for node in nodes:
                node.start()
            yield folder, postgres.dsn, nodes
        finally:
            for node in nodes:
                if node.is_running():
                    node.kill()


@asynccontextmanager
async def running(roamers: list[Roamer]) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        for roamer in roamers:
            tasks.start_soon(roamer.run)
        yield
        tasks.cancel_scope.cancel()


async def given_conversation(node: ServedProcess, log: HistoryLog) -> str:
    """Noted in the history like every command."""
    command_id, conversation_id = str(uuid7()), str(uuid7())
    log.invoke(conversation_id, command_id)
    async with httpx.AsyncClient(base_url=node.url, headers={"Idempotency-Key": command_id}) as http:
        await Rest(http).given_conversation(id=conversation_id)
    log.ok(conversation_id, command_id, [1])
    return conversation_id


async def lose(node: ServedProcess) -> None:
    """kill -9 under load; a while later it is there again."""
    node.kill()
    await anyio.sleep(LOAD_S)
    await anyio.to_thread.run_sync(node.start)
    await anyio.sleep(LOAD_S / 2)


async def everything_of(node: ServedProcess, conversation_id: str) -> list[str]:
    """Every durable frame there is, as a replay from the beginning tells it."""
    async with connected(node.url, conversation_id, after=0) as client:
        await client.until_live()
        return [text for text in client.texts if msgspec.json.decode(text)["seq"] is not None]


async def test_clients_of_a_killed_process_resume_at_the_other_and_nothing_is_missed() -> None:
    with two_nodes() as (folder, dsn, nodes):
        left, right = nodes
        log = HistoryLog(folder / "history.jsonl")
        # given conversations that are driven at one process and listened to at the other
        ids = [await given_conversation(nodes[number % 2], log) for number in range(CONVERSATIONS)]
        sides = [nodes if number % 2 else nodes[::-1] for number in range(CONVERSATIONS)]
        drivers = [Driver(side, conversation_id, log) for side, conversation_id in zip(sides, ids, strict=True)]
        listeners = [Roamer(side[::-1], conversation_id) for side, conversation_id in zip(sides, ids, strict=True)]
        roamers: list[Any] = [*drivers, *listeners]

        async with running(roamers):
            await until(lambda: all(roamer.outcomes for roamer in roamers))
            await anyio.sleep(LOAD_S)
            # when one process is lost with its sockets, and then the other
            await lose(left)
            await lose(right)
            for driver in drivers:
                driver.is_over = True
            async with asyncio.timeout(30):
                await until(lambda: all(driver.is_done for driver in drivers))
                expected = {conversation_id: await everything_of(left, conversation_id) for conversation_id in ids}
                await until(lambda: all(len(held_by(roamer)) == len(owed(roamer, expected)) for roamer in roamers))
        log.close()

        # then what was acknowledged is stored, once, without a hole
        assert judge(read_log(folder / "history.jsonl"), stored_events(dsn)) == []
        assert all(driver.answered > 20 for driver in drivers)
        # and every client has every frame since its first connection, in order and byte for byte
        for roamer in roamers:
            assert held_by(roamer) == owed(roamer, expected)
            assert roamer.outcomes[0] == "fresh"
            assert set(roamer.outcomes[1:]) == {"resumed"}


def held_by(roamer: Roamer) -> list[str]:
    return list(roamer.texts.values())


def owed(roamer: Roamer, expected: dict[str, list[str]]) -> list[str]:
    texts = expected[roamer.conversation_id]
    return [text for text in texts if msgspec.json.decode(text)["seq"] > roamer.begins_after]
