"""kill -9 of the service under load: every acknowledged command is there, once; a retry gets the first answer.

The database is the embedded one, with every flush on, and dies with the service.
"""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import anyio
import httpx
import pytest

from adapters.embedded import EmbeddedPostgres
from tests.support.history import HistoryLog, Outcome, judge, read_log, stored_events
from tests.support.postgres import temporary_folder
from tests.support.read_tables import findings, project_stored_events
from tests.support.served import ServedProcess

ROUNDS = int(os.environ.get("TURNLOG_TEST_KILL_ROUNDS", "20"))
WRITERS = 16
SHARED_CONVERSATION_WRITERS = 4
LOAD_SECONDS = (0.15, 0.5)
REQUEST_TIMEOUT_S = 5.0
SERVING_AGAIN_MAX_S = 10.0

Command = tuple[str, dict[str, object]]

TURN: tuple[Command, ...] = (
    ("submit_user_message", {"content": "Find a table for two."}),
    ("start_response", {}),
    ("complete_response", {"content": "At half past eleven?"}),
)


class Writer:
    """Sends one command after the other; one without an answer is sent again, with its id, until it has one."""

    def __init__(
        self, served: ServedProcess, log: HistoryLog, conversation_id: str, commands: tuple[Command, ...]
    ) -> None:
        self._served = served
        self._log = log
        self._conversation_id = conversation_id
        self._commands = commands
        self._sent = 0
        self._pending: tuple[str, Command] | None = None
        self.is_started = False

    async def write(self, is_over: Callable[[], bool]) -> None:
        """Write until the round is over; what is then unanswered stays pending."""
        async with httpx.AsyncClient(base_url=self._served.url, timeout=REQUEST_TIMEOUT_S) as client:
            while not is_over():
                if not await self.write_one(client):
                    return

    async def finish(self) -> None:
        """Send what is pending until it is answered."""
        async with httpx.AsyncClient(base_url=self._served.url, timeout=REQUEST_TIMEOUT_S) as client:
            while self._pending is not None:
                await self.write_one(client)

    async def write_one(self, client: httpx.AsyncClient) -> bool:
        """Whether the command has an answer."""
        if self._pending is None:
            self._pending = (str(uuid4()), self._commands[self._sent % len(self._commands)])
        command_id, (name, payload) = self._pending
        self._log.invoke(self._conversation_id, command_id)
        try:
            answer = await client.post(
                f"/api/v2/conversations/{self._conversation_id}/commands",
                json={"id": command_id, "name": name, "payload": payload},
            )
        except httpx.TransportError as error:
            self._log.unknown(self._conversation_id, command_id, type(error).__name__)
            return False
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            self._log.unknown(self._conversation_id, command_id, answer.json()["code"])
            return False
        assert answer.status_code == httpx.codes.OK, answer.text
        self._log.ok(self._conversation_id, command_id, [event["version"] for event in answer.json()["events"]])
        self._pending = None
        self._sent += 1
        return True


async def start_conversation(served: ServedProcess, log: HistoryLog, conversation_id: str) -> None:
    command_id = str(uuid4())
    log.invoke(conversation_id, command_id)
    async with httpx.AsyncClient(base_url=served.url, headers={"Idempotency-Key": command_id}) as client:
        answer = await client.post("/api/v2/conversations", json={"id": conversation_id})
        assert answer.status_code == httpx.codes.CREATED, answer.text
    log.ok(conversation_id, command_id, [1])


async def a_round(served: ServedProcess, writers: list[Writer], seconds: float) -> None:
    """Load, kill -9 in the middle of it, start again, and let every writer get its answer."""
    is_killed = False
    async with anyio.create_task_group() as tasks:
        for writer in writers:
            tasks.start_soon(writer.write, lambda: is_killed)
        await anyio.sleep(seconds)
        served.kill()
        is_killed = True
    with anyio.fail_after(SERVING_AGAIN_MAX_S):
        await anyio.to_thread.run_sync(served.start)
    async with anyio.create_task_group() as tasks:
        for writer in writers:
            tasks.start_soon(writer.finish)


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


async def test_acknowledged_commands_survive_kill_9_of_the_service(folder: Path) -> None:
    # given a service under load: writers with conversations of their own, and some who share one
    served = ServedProcess(folder / "data")
    served.start()
    log_path = folder / "history.jsonl"
    log = HistoryLog(log_path)
    shared, own = str(uuid4()), [str(uuid4()) for _ in range(WRITERS)]
    for conversation_id in (shared, *own):
        await start_conversation(served, log, conversation_id)
    notes: tuple[Command, ...] = (("record_message", {"role": "system", "content": "note"}),)
    writers = [Writer(served, log, conversation_id, TURN) for conversation_id in own]
    writers += [Writer(served, log, shared, notes) for _ in range(SHARED_CONVERSATION_WRITERS)]

    # when it is killed and started again, round after round
    try:
        for _ in range(ROUNDS):
            await a_round(served, writers, random.uniform(*LOAD_SECONDS))
    finally:
        served.kill()
        log.close()

    # then all that was acknowledged is there, once, without holes, and every retry had the first answer
    entries = read_log(log_path)
    assert sum(entry.outcome is Outcome.OK for entry in entries) > ROUNDS * WRITERS
    assert any(entry.outcome is Outcome.UNKNOWN for entry in entries), "no round has hit a command in flight"
    with EmbeddedPostgres(folder / "data") as postgres:
        assert judge(entries, stored_events(postgres.dsn)) == []
        # and the rows, which were killed with it in the middle of their pages, go on with neither gap nor double
        await project_stored_events(postgres.dsn)
        found = await findings(postgres.dsn)
        assert (found.first, found.parked, found.conversations) == (None, 0, WRITERS + 1)
