"""R21: an event that cannot become rows parks its conversation. Others go on, and after the fix nothing is missing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from app import wiring
from app.http.responses import STALE_HEADER
from domain.conversation import events as e
from domain.ids import DEFAULT_TENANT, ConversationId
from domain.ports import RecordedEvent
from projections.changes import Change
from projections.registry import PROJECTIONS
from projections.runner import Runner
from tests.support.decider import message_id
from tests.support.poison import (
    CORRUPT,
    accept_content,
    insert_event,
    refuse_content,
    repair_event,
    then_rows_are_the_fold,
)
from tests.support.postgres import TestDatabases
from tests.support.rest import CONVERSATIONS, Json, Rest, as_json, path, then_problem
from tests.support.server import RunningServer, http_client, running_server
from tests.support.sockets import connected
from tests.support.waiting import until

PATIENCE_S = 10.0
SECRET = "swordfish"
REPAIRED = e.MessageRecorded(message_id=message_id(7), role="system", content="What was meant.")


@asynccontextmanager
async def a_process(dsn: str) -> AsyncIterator[tuple[RunningServer, Rest]]:
    """The service on the database, as a process that has just started."""
    async with running_server(dsn) as server, http_client(server) as client:
        yield server, Rest(client)


@pytest.fixture
async def dsn(test_databases: TestDatabases) -> AsyncIterator[str]:
    with test_databases.clone() as dsn:
        yield dsn


def quarantined(server: RunningServer) -> int:
    return server.parts.projection.status().quarantined_conversations


def alarms(told: list[EventDict], name: str = "conversation_quarantined") -> list[EventDict]:
    return [line for line in told if line["event"] == name]


async def up_to(rest: Rest, url: str, position: int) -> Json:
    """A list that has come to the position, and does not say that it is stale."""
    response = await rest.client.get(url, params={"min_position": position})
    assert response.status_code == 200, response.text
    assert STALE_HEADER not in response.headers
    return as_json(response)


async def assert_others_go_on(server: RunningServer, rest: Rest, other_id: str, *parked_ids: str) -> None:
    """Commands, live frames and lists of another conversation, and of no other position than the newest."""
    version = (await rest.conversation(other_id))["version"]
    async with connected(server.address, other_id, after=version) as client:
        await client.until_live()
        written = await rest.given_message(other_id, content="And us?", record_only=True)
        frames = await client.collect(until_seq=version + 1)
        assert frames[-1]["seq"] == version + 1
    listed = await up_to(rest, CONVERSATIONS, written["position"])
    assert {other_id, *parked_ids} <= {one["id"] for one in listed["data"]}
    messages = await up_to(rest, path(other_id, "/messages"), written["position"])
    assert messages["data"][-1]["content"] == "And us?"
    await then_rows_are_the_fold(server.parts.store, server.parts.read_models, other_id)


async def then_healthy(rest: Rest, *, quarantined: int = 0) -> Json:
    """What `/health` says, and the probe, which a quarantine does not fail."""
    health = await rest.get("/health")
    assert health["services"]["projections"]["quarantined_conversations"] == quarantined
    assert health["status"] == ("degraded" if quarantined else "healthy")
    assert (await rest.get("/health/ready"))["status"] == "ready"
    return health


async def test_a_damaged_event_parks_its_conversation_until_it_is_repaired_and_a_process_starts(dsn: str) -> None:
    with capture_logs() as told:
        async with a_process(dsn) as (server, rest):
            # given a conversation with bytes that nobody can read, and more after them
            parked_id, other_id = await rest.given_conversation(), await rest.given_conversation()
            await rest.given_message(parked_id, content="Good.", record_only=True)
            insert_event(dsn, parked_id, 3, "message_recorded.v1", CORRUPT)
            insert_event(dsn, parked_id, 4, "listening_started.v1", CORRUPT)
            # then it is parked at the first of them, with one alarm
            await until(lambda: quarantined(server) == 1, PATIENCE_S)
            await assert_others_go_on(server, rest, other_id, parked_id)
            row = await server.parts.read_models.get_conversation(DEFAULT_TENANT, ConversationId(parked_id))
            assert row is not None
            assert row.version == 2
            await then_healthy(rest, quarantined=1)
            # and whoever asks for it is told why it cannot be had
            then_problem(await rest.client.get(path(parked_id)), 503, "corrupt_event")
            then_problem(await rest.command(parked_id, "start_listening"), 503, "corrupt_event")
            async with connected(server.address, parked_id, after=2) as client:
                frames, code, _ = await client.closed()
                assert (frames[0]["payload"]["code"], code) == ("corrupt_event", 1013)
    (alarm,) = alarms(told)
    assert (alarm["conversation"], alarm["version"], alarm["reason"]) == (parked_id, 3, "corrupt_event")
    assert SECRET not in str(told)

    # when it is repaired and a process starts
    repair_event(dsn, parked_id, 3, REPAIRED)
    repair_event(dsn, parked_id, 4, e.ListeningStarted(turn=1))
    async with a_process(dsn) as (server, rest):
        # then it is whole, and goes on
        await until(lambda: server.parts.projection.status().is_leading and not quarantined(server), PATIENCE_S)
        await rest.given_command(parked_id, "stop_listening")
        await assert_others_go_on(server, rest, parked_id)
        await then_healthy(rest)


async def test_rows_that_the_database_refuses_park_their_conversation_until_it_accepts_them(dsn: str) -> None:
    refuse_content(dsn, SECRET)
    async with a_process(dsn) as (server, rest):
        # given a message that is stored and live, and that the table refuses
        parked_id, other_id = await rest.given_conversation(), await rest.given_conversation()
        with capture_logs() as told:
            async with connected(server.address, parked_id) as client:
                await client.until_live()
                await rest.given_message(parked_id, content="Good.", record_only=True)
                await rest.given_message(parked_id, content=SECRET, record_only=True)
                await client.collect(until_seq=3)
            await until(lambda: quarantined(server) == 1, PATIENCE_S)
            # when it goes on, and so do others
            written = await rest.given_message(parked_id, content="More.", record_only=True)
            await assert_others_go_on(server, rest, other_id, parked_id)
        # then its rows are as before that message, and what is decided on is not
        listed = await up_to(rest, path(parked_id, "/messages"), written["position"])
        assert [message["content"] for message in listed["data"]] == ["Good."]
        assert (await rest.conversation(parked_id))["version"] == 4
        (alarm,) = alarms(told)
        assert (alarm["version"], alarm["reason"], alarm["error"]) == (3, "rows_rejected", "SQLSTATE P0001")
        assert SECRET not in str(told)
    # when the table takes it and a process starts
    accept_content(dsn)
    async with a_process(dsn) as (server, rest):
        await until(lambda: server.parts.projection.status().is_leading and not quarantined(server), PATIENCE_S)
        # then the rows are the fold
        await then_rows_are_the_fold(server.parts.store, server.parts.read_models, parked_id)
        await assert_others_go_on(server, rest, parked_id)


async def test_a_projection_that_is_broken_parks_until_a_process_with_a_sound_one_starts(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(recorded: RecordedEvent) -> list[Change]:
        if e.tag_of(type(recorded.event)) == "listening_started":
            raise ValueError(SECRET)
        return []

    with monkeypatch.context() as patch, capture_logs() as told:
        patch.setattr(wiring, "Runner", partial(Runner, projections=(*PROJECTIONS, broken)))
        async with a_process(dsn) as (server, rest):
            parked_ids = [await rest.given_conversation() for _ in range(3)]
            other_id = await rest.given_conversation()
            for parked_id in parked_ids:
                await rest.given_command(parked_id, "start_listening")
                await rest.given_command(parked_id, "stop_listening")
            await until(lambda: quarantined(server) == len(parked_ids), PATIENCE_S)
            await assert_others_go_on(server, rest, other_id, *parked_ids)
            await then_healthy(rest, quarantined=3)
    assert {alarm["conversation"] for alarm in alarms(told)} == set(parked_ids)
    assert {alarm["error"] for alarm in alarms(told)} == {"ValueError"}
    assert SECRET not in str(told)

    async with a_process(dsn) as (server, rest):
        await until(lambda: server.parts.projection.status().is_leading and not quarantined(server), PATIENCE_S)
        for parked_id in parked_ids:
            await assert_others_go_on(server, rest, parked_id)
        await then_healthy(rest)
