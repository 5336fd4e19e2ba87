"""`turnlog projections redrive`: what it says, and how it ends."""

import json

import anyio
import pytest
from click.testing import CliRunner, Result

from app import logs, projection_loop
from app.cli import main
from domain.conversation import events as e
from tests.support.decider import message_id
from tests.support.poison import CORRUPT, insert_event, repair_event, then_rows_are_the_fold
from tests.support.rest import Json, Rest
from tests.support.server import RunningServer
from tests.support.waiting import until

MEANT = e.MessageRecorded(message_id=message_id(7), role="system", content="What was meant.")


@pytest.fixture
def redrive(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> "Redrive":
    monkeypatch.setenv("DATABASE_URL", server.dsn)
    monkeypatch.setattr(logs, "configure_logs", lambda _level: None)  # it would do so for all tests after this one
    monkeypatch.setattr(projection_loop, "HEARTBEAT_INTERVAL_S", 0.1)
    return Redrive()


class Redrive:
    """The command, on the database of the server."""

    async def __call__(self, *arguments: str) -> Result:
        words = ["projections", "redrive", *arguments]
        return await anyio.to_thread.run_sync(lambda: CliRunner().invoke(main, words))


def parked(server: RunningServer) -> int:
    return server.parts.projection.status().quarantined_conversations


async def test_where_nothing_is_parked_there_is_nothing_to_do(redrive: Redrive, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    all_of_them, one = await redrive(), await redrive(conversation_id)

    assert all_of_them.exit_code == 0
    assert "No conversation is parked." in said(all_of_them)
    assert one.exit_code == 1
    assert f"{conversation_id!r} is not parked. `turnlog projections` lists those that are." in one.output


async def test_each_is_healed_or_said_why_not_and_the_leader_learns_of_it(
    server: RunningServer, redrive: Redrive, rest: Rest
) -> None:
    # given two that are parked, of which one is repaired
    broken_id, repaired_id = [await rest.given_conversation() for _ in range(2)]
    for conversation_id in (broken_id, repaired_id):
        insert_event(server.dsn, conversation_id, 2, "message_recorded.v1", CORRUPT)
    await until(lambda: parked(server) == 2, 10)
    repair_event(server.dsn, repaired_id, 2, MEANT)
    # when all are tried, and then the one
    tried, again = await redrive(), await redrive("--json", broken_id.upper())
    # then it is said of each what became of it
    assert tried.exit_code == again.exit_code == 1
    assert set(said(tried)) >= {
        f"{repaired_id}  healed: its rows stand where all others do",
        f"{broken_id}  still parked before version 2, position {place(again)}: corrupt_event (message_recorded.v1)",
    }
    # and it goes on in the service, which leads all the while
    await rest.given_message(repaired_id, content="On we go.", record_only=True)
    await until(lambda: parked(server) == 1, 10)
    await up_to_date(server)
    await then_rows_are_the_fold(server.parts.store, server.parts.read_models, repaired_id)
    # when the other is repaired as well
    repair_event(server.dsn, broken_id, 2, MEANT)
    healed = outcome(await redrive("--json"))
    assert healed == {"redriven": [broken_id], "still_parked": []}
    await until(lambda: parked(server) == 0, 10)


def said(result: Result) -> list[str]:
    """The lines of the command, among what the server beside it may have logged."""
    return result.output.splitlines()


def place(result: Result) -> int:
    """The position of the one that is still parked."""
    told = outcome(result)
    assert told["redriven"] == []
    return int(told["still_parked"][0]["position"])


def outcome(result: Result) -> Json:
    """The JSON of the command."""
    (line,) = [line for line in said(result) if line.startswith("{")]
    told: Json = json.loads(line)
    return told


async def up_to_date(server: RunningServer) -> None:
    """The tables have come to the end of the store."""
    assert await server.parts.read_models.wait_for_position(await server.head_position(), 10)
