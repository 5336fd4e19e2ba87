"""R22: the tables of a running service are rebuilt under its feet, by a process that is killed again and again."""

import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import msgspec
import pytest

from tests.support.postgres import temporary_folder
from tests.support.rest import key
from tests.support.served import ServedProcess

KILLS = 4
KILLED_AFTER_S = (0.3, 1.5)
WRITERS = 6
READERS = 3
COMMAND_TIMEOUT_S = 120.0
REQUEST_TIMEOUT_S = 10.0
CONVERSATIONS = "/api/v2/conversations"


@pytest.fixture
def served() -> Iterator[ServedProcess]:
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        served.start()
        yield served
        served.stop()


class Load:
    """Conversations that are written and read over REST all the while, and every answer that was not as it must be."""

    def __init__(self, served: ServedProcess) -> None:
        self._served = served
        self.written = 0
        self.read = 0
        self.failures: list[str] = []
        self._messages: dict[str, int] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The load, until the block ends."""
        async with anyio.create_task_group() as tasks:
            for _ in range(WRITERS):
                tasks.start_soon(self._write)
            for _ in range(READERS):
                tasks.start_soon(self._read)
            yield
            tasks.cancel_scope.cancel()

    async def _write(self) -> None:
        async with self._client() as client:
            while True:
                started = await client.post(CONVERSATIONS, json={"user_id": "user-1"}, headers=key())
                conversation_id = started.json()["conversation"]["id"]
                for role in ("user", "assistant") * 3:
                    answer = await client.post(
                        f"{CONVERSATIONS}/{conversation_id}/messages",
                        json={"role": role, "content": "A table?"},
                        headers=key(),
                    )
                    self._expect(answer, httpx.codes.CREATED)
                    self.written += 1
                    self._messages[conversation_id] = self._messages.get(conversation_id, 0) + 1
                await client.put(f"{CONVERSATIONS}/{conversation_id}/end", json={}, headers=key())

    async def _read(self) -> None:
        async with self._client() as client:
            while True:
                self._expect(await client.get(CONVERSATIONS, params={"limit": 20}), httpx.codes.OK)
                if not self._messages:
                    await anyio.sleep(0.01)
                    continue
                conversation_id, written = random.choice(list(self._messages.items()))
                answer = await client.get(f"{CONVERSATIONS}/{conversation_id}/messages", params={"limit": 100})
                self._expect(answer, httpx.codes.OK)
                self.read += 2
                seen = len(answer.json()["data"])
                if answer.is_success and seen < written and not await self._comes(client, conversation_id, written):
                    self.failures.append(f"{conversation_id} shows {seen} of {written} messages")

    async def _comes(self, client: httpx.AsyncClient, conversation_id: str, written: int) -> bool:
        """The tables follow the writes: what is not there yet must come."""
        with anyio.move_on_after(REQUEST_TIMEOUT_S):
            while True:
                answer = await client.get(f"{CONVERSATIONS}/{conversation_id}/messages", params={"limit": 100})
                self._expect(answer, httpx.codes.OK)
                if len(answer.json()["data"]) >= written:
                    return True
                await anyio.sleep(0.02)
        return False

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._served.url, timeout=REQUEST_TIMEOUT_S)

    def _expect(self, answer: httpx.Response, status: int) -> None:
        if answer.status_code != status:
            self.failures.append(f"{answer.request.method} {answer.request.url.path}: {answer.status_code}")


def command(data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env={**os.environ, "TURNLOG_DATA_DIR": str(data_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def run(data_dir: Path, *arguments: str) -> tuple[int, str, str]:
    process = command(data_dir, *arguments)
    output, said = await anyio.to_thread.run_sync(lambda: process.communicate(timeout=COMMAND_TIMEOUT_S))
    return process.returncode, output, said


async def test_a_rebuild_under_load_that_is_killed_again_and_again_fails_no_read(served: ServedProcess) -> None:
    data_dir = served.data_dir
    load = Load(served)
    async with load.running():
        await anyio.sleep(1)
        for _ in range(KILLS):
            process = command(data_dir, "rebuild")
            await anyio.sleep(random.uniform(*KILLED_AFTER_S))
            process.kill()
            process.communicate()
        status, output, said = await run(data_dir, "rebuild", "--json")
        assert status == 0, said
        await anyio.sleep(0.5)

    outcome = msgspec.json.decode(output)
    for comparison in outcome["comparisons"]:
        assert comparison["different_rows"] == 0
        assert comparison["live_hash"] == comparison["new_hash"]
    assert load.failures == []
    assert load.written > 0
    assert load.read > 0
    status, output, said = await run(data_dir, "verify")
    assert status == 0, output + said


async def test_an_operator_sees_what_there_is_and_goes_back(served: ServedProcess) -> None:
    data_dir = served.data_dir
    async with httpx.AsyncClient(base_url=served.url) as client:
        (await client.post(CONVERSATIONS, json={}, headers=key())).raise_for_status()

    assert (await run(data_dir, "rebuild"))[0] == 0
    status, output, _ = await run(data_dir, "projections", "--json")
    assert status == 0
    tables = {(t["projection"], t["version"]): t["status"] for t in msgspec.json.decode(output)["tables"]}
    assert tables == {
        ("sessions", 1): "previous",
        ("messages", 1): "previous",
        ("sessions", 2): "live",
        ("messages", 2): "live",
    }

    assert (await run(data_dir, "rebuild", "--rollback"))[0] == 0
    status, output, _ = await run(data_dir, "projections")
    assert "conversation_sessions_v1, conversation_messages_v1" in " ".join(output.split())
    assert (await run(data_dir, "verify", "--sample", "10"))[0] == 0


async def test_a_refusal_is_a_sentence_and_a_status(served: ServedProcess) -> None:
    status, _, said = await run(served.data_dir, "rebuild", "--rollback")

    assert status == 1
    assert said.splitlines()[-1] == "Error: There are no tables to go back to: nothing was rebuilt yet."
