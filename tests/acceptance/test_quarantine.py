"""R21 on real processes: what cannot become rows parks its conversation, and whoever has the fix heals it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from domain.conversation import events as e
from tests.support.decider import message_id
from tests.support.poison import CORRUPT, insert_event, repair_event
from tests.support.postgres import temporary_folder
from tests.support.rest import Rest, path, then_problem
from tests.support.served import ServedProcess
from tests.support.sockets import connected

PATIENCE_S = 20.0
SECRET = "swordfish"
NEWER_RELEASE = """
from adapters.codec.upcasters import UPCASTERS
UPCASTERS["message_recorded"] = (*UPCASTERS.get("message_recorded", ()), lambda data: data)
"""
"""It writes one event in a schema version that the code of today does not know."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


def environment_of(database: str) -> dict[str, str]:
    """Of a process on a database of the tests, which promises nothing to last."""
    return {"DATABASE_URL": database, "TURNLOG_ALLOW_UNSAFE_DURABILITY": "true"}


async def until_health(http: httpx.AsyncClient, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What `/health` says of the projections, once it says so."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            health = (await http.get("/health")).json()
            projections: dict[str, Any] = {"status": health["status"], **health["services"]["projections"]}
            if is_so(projections):
                return projections
            await anyio.sleep(0.05)


async def assert_goes_on(url: str, http: httpx.AsyncClient, conversation_id: str) -> None:
    """Commands, live frames, and a list that has come so far."""
    rest = Rest(http)
    version = (await rest.conversation(conversation_id))["version"]
    async with connected(url, conversation_id, after=version) as client:
        await client.until_live()
        ack = await client.command("record_message", role="system", content=f"after {version}")
        await client.collect(until_seq=version + 1)
    listed = await rest.get(path(conversation_id, "/messages"), min_position=ack["position"], limit=100)
    assert listed["data"][-1]["content"] == f"after {version}"


async def test_a_damaged_event_is_parked_shown_repaired_and_re_driven_beside_the_running_service(
    folder: Path, database: str
) -> None:
    served = ServedProcess(folder / "data", environment_of(database))
    served.start()
    try:
        async with httpx.AsyncClient(base_url=served.url, timeout=30) as http:
            rest = Rest(http)
            parked_id, other_id = await rest.given_conversation(), await rest.given_conversation()
            # when bytes are stored that nobody can read
            insert_event(database, parked_id, 2, "message_recorded.v1", CORRUPT)
            # then the service says so, and goes on with all others
            await until_health(http, lambda told: told["quarantined_conversations"] == 1)
            assert (await http.get("/health")).json()["status"] == "degraded"
            await assert_goes_on(served.url, http, other_id)
            then_problem(await http.get(path(parked_id)), 503, "corrupt_event")
            # and so do the commands of the operator
            (shown,) = json.loads(served.run("projections", "--json").stdout)["parked"]
            assert (shown["poison"]["conversation_id"], shown["poison"]["version"]) == (parked_id, 2)
            refused = served.run("projections", "redrive", parked_id)
            assert refused.returncode == 1
            assert "still parked before version 2" in refused.stdout
            # when it is repaired and re-driven
            repaired = e.MessageRecorded(message_id=message_id(7), role="system", content="What was meant.")
            repair_event(database, parked_id, 2, repaired)
            redriven = served.run("projections", "redrive")
            assert (redriven.returncode, redriven.stderr) == (0, "")
            assert f"{parked_id}  healed" in redriven.stdout
            # then the service, which nobody has restarted, goes on with it
            await assert_goes_on(served.url, http, parked_id)
            await until_health(http, lambda told: told["quarantined_conversations"] == 0)
        # and the rows are what the events say
        verified = served.run("verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    finally:
        served.kill()
    said = served.log.read_text()
    assert "conversation_quarantined" in said
    assert SECRET not in said
    assert "Traceback" not in said


async def test_while_a_newer_release_rolls_out_old_code_decides_nothing_on_what_it_cannot_read(
    folder: Path, database: str
) -> None:
    old = ServedProcess(folder / "old", environment_of(database))
    new = ServedProcess(folder / "new", environment_of(database), NEWER_RELEASE)
    try:
        # given an old process that projects, and a newer one beside it
        old.start()
        async with (
            httpx.AsyncClient(base_url=old.url, timeout=30) as at_old,
            Rolled(new) as at_new,
        ):
            await until_health(at_old, lambda told: told["leading"])
            newer_id, other_id = [await Rest(at_old).given_conversation() for _ in range(2)]
            # when the newer one stores what the old one does not know
            await Rest(at_new).given_message(newer_id, content="In the new way.", record_only=True)
            await Rest(at_new).given_command(newer_id, "start_listening")
            # then the old one parks it, says why it refuses it, and serves all others
            told = await until_health(at_old, lambda told: told["quarantined_conversations"] == 1)
            assert (told["status"], told["unknown_events"]) == ("degraded", 1)
            then_problem(await at_old.get(path(newer_id)), 503, "unknown_event")
            then_problem(await Rest(at_old).command(newer_id, "stop_listening"), 503, "unknown_event")
            written = await Rest(at_old).given_command(other_id, "start_listening")
            row = await Rest(at_old).get("/api/v2/conversations", min_position=written["position"])
            assert {one["id"]: one["state"] for one in row["data"]}[other_id] == "LISTENING"
            # while the newer one decides on it, as on all
            await Rest(at_new).given_command(newer_id, "stop_listening")
            # when the old one stops, and the newer one takes the lead
            assert await anyio.to_thread.run_sync(old.stop) == 0
            # then it has healed the rows, which are what the events say
            await until_health(at_new, lambda told: told["leading"] and not told["quarantined_conversations"])
            await assert_goes_on(new.url, at_new, newer_id)
            verified = new.run("verify")
            assert verified.returncode == 0, verified.stdout + verified.stderr
    finally:
        for served in (old, new):
            if served.is_running():
                served.kill()
    assert "conversation_redriven" in new.log.read_text()
    for served in (old, new):
        assert "Traceback" not in served.log.read_text()


class Rolled:
    """A client of a process that is started for it."""

    def __init__(self, served: ServedProcess) -> None:
        self._served = served

    async def __aenter__(self) -> httpx.AsyncClient:
        await anyio.to_thread.run_sync(self._served.start)
        self._client = httpx.AsyncClient(base_url=self._served.url, timeout=30)
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
