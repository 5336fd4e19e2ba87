"""`turnlog replay` keeps to the limits that the service announces, and loses nothing by it."""

import json

import anyio
import msgspec
from websockets.asyncio.server import ServerConnection

from app.replay.checker import Checker
from app.replay.dialogues import Dialogue, Turn
from app.replay.options import Options, Pace
from app.replay.player import Player
from app.replay.rest import RestClient
from app.replay.socket import ConversationSocket
from app.replay.tally import Tally
from app.settings import Settings
from tests.support.postgres import TestDatabases
from tests.support.scripted_service import Json, envelope, live, ready, scripted_service
from tests.support.server import running_server

LONG_SPEECH = "One word after the other, and more of them than may be sent at once. " * 3
DIALOGUE = Dialogue("1", tuple(Turn(speaker, LONG_SPEECH) for speaker in ("user", "system", "user", "system")))
COMMANDS = 2 * len(DIALOGUE.turns)
PATIENCE_S = 20.0


async def replayed(dsn: str, per_s: float, burst: int) -> Tally:
    """What a run of one dialogue, as fast as it goes, comes to under these limits."""
    settings = Settings(allow_unsafe_durability=True, socket_messages_per_s=per_s, socket_messages_burst=burst)
    tally = Tally()
    async with running_server(dsn, settings) as server:
        options = Options(url=server.address, pace=Pace(0.0), concurrency=1, patience_s=PATIENCE_S)
        async with RestClient(options, tally) as rest:
            await Player(rest, tally, options).play(DIALOGUE)
    return tally


async def test_under_narrow_limits_interims_are_coalesced_and_everything_arrives(test_databases: TestDatabases) -> None:
    with test_databases.clone() as dsn:
        narrow = await replayed(dsn, per_s=20, burst=10)
        wide = await replayed(dsn, per_s=100_000, burst=100_000)

    assert narrow.differences == wide.differences == []
    assert narrow.messages == wide.messages == len(DIALOGUE.turns)
    assert len(narrow.ack_ms) == len(wide.ack_ms) == COMMANDS
    assert (narrow.retries, narrow.reconnects) == (0, 0), "the service never had to refuse anything"
    assert wide.interims_coalesced == 0
    assert 0 < narrow.interims_sent < wide.interims_sent
    assert narrow.interims_sent + narrow.interims_coalesced == wide.interims_sent


async def test_a_command_that_came_too_early_is_sent_again_with_its_id_when_it_is_told_to() -> None:
    received: list[Json] = []
    at_s: list[float] = []
    refusal = {"code": "rate_limited", "message": "Too many.", "retryable": True, "fatal": False, "retry_after_ms": 300}

    async def refuse_once(connection: ServerConnection) -> None:
        snapshot = {"from": "IDLE", "to": "IDLE", "reason": "snapshot", "as_of_seq": 1, "messages": []}
        for frame in (ready("fresh", 1), envelope("state_update", snapshot), live(1)):
            await connection.send(json.dumps(frame))
        while len(received) < 2:
            received.append(msgspec.json.decode(await connection.recv()))
            at_s.append(anyio.current_time())
            command_id = received[-1]["id"]
            ack = {"command_id": command_id, "version": 2, "position": 2, "durable": True, "replayed": False}
            is_first = len(received) == 1
            answer = ("error", refusal | {"command_id": command_id}) if is_first else ("ack", ack)
            await connection.send(json.dumps(envelope(*answer)))

    checker, tally = Checker(version=1), Tally()
    with anyio.fail_after(PATIENCE_S):
        async with scripted_service(refuse_once) as service, anyio.create_task_group() as tasks:
            socket = ConversationSocket(service.address.replace("http", "ws"), checker, tally, PATIENCE_S)
            tasks.start_soon(socket.run)
            ack = await socket.command("start_listening", {})
            tasks.cancel_scope.cancel()

    assert received[0] == received[1]
    assert ack["command_id"] == received[0]["id"]
    assert at_s[1] - at_s[0] >= 0.3
    assert (checker.faults, tally.retries) == ([], 1)


async def test_an_interim_that_came_too_early_is_no_fault() -> None:
    refusal = {"code": "rate_limited", "message": "Too many.", "retryable": True, "fatal": False, "retry_after_ms": 50}
    done = anyio.Event()

    async def refuse_interims(connection: ServerConnection) -> None:
        snapshot = {"from": "IDLE", "to": "IDLE", "reason": "snapshot", "as_of_seq": 1, "messages": []}
        for frame in (ready("fresh", 1), envelope("state_update", snapshot), live(1)):
            await connection.send(json.dumps(frame))
        await connection.send(json.dumps(envelope("error", refusal)))
        await connection.close(4429)

    async def stay(connection: ServerConnection) -> None:
        done.set()

    checker, tally = Checker(version=1), Tally()
    with anyio.fail_after(PATIENCE_S):
        async with scripted_service(refuse_interims, stay) as service, anyio.create_task_group() as tasks:
            socket = ConversationSocket(service.address.replace("http", "ws"), checker, tally, PATIENCE_S)
            tasks.start_soon(socket.run)
            await done.wait()
            tasks.cancel_scope.cancel()

    assert checker.faults == []
