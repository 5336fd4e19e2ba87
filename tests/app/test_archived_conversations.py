"""An archived conversation is what it was, over every way in; and what was asked of it before is answered as it was."""

from typing import Any, Final

import psycopg
import pytest

from adapters.postgres.archive import PostgresArchive
from domain.ids import ConversationId
from tests.app.test_rest_idempotency import WRITES, given_answering
from tests.support.rest import Rest, as_json, key, path, then_problem
from tests.support.server import TEST_SETTINGS, http_client, running_server
from tests.support.ways_in import WaysIn

A_LIFE: Final = (
    "start",
    "feedback",
    "metadata",
    "recorded message",
    "command",
    "barge-in",
    "message of the user",
    "message of the agent",
    "end",
)
"""Every write, in an order in which each may happen."""

IN_THE_ARCHIVE: Final = "SELECT count(*) FROM archived_events WHERE originator_id = %s"
IN_ALL: Final = "SELECT count(*) FROM all_stored_events WHERE originator_id = %s"


class Ended:
    """A conversation that has ended, in which everything was asked once that may be asked."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.id = ConversationId("")
        self.headers = {name: key() for name in WRITES}
        self.answers: dict[str, bytes] = {}
        self.version = 0

    async def live(self, rest: Rest) -> None:
        """From its beginning to its end."""
        self.id = ConversationId(await given_answering(rest))
        assert set(A_LIFE) == set(WRITES)
        for name in A_LIFE:
            self.answers[name] = (await self.ask(rest, name)).content
        self.version = (await rest.conversation(self.id))["version"]

    async def ask(self, rest: Rest, name: str) -> Any:
        """The same command each time."""
        response = await WRITES[name](rest, self.id, self.headers[name])
        assert response.is_success, response.text
        return response

    async def archive(self) -> None:
        """Move what moves."""
        async with PostgresArchive.connected(self.dsn) as archive:
            assert await archive.archive([self.id]) == self.version - 1

    def count(self, query: str) -> int:
        """Events."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            row = connection.execute(query, [self.id]).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
async def ended(database: str) -> Ended:
    conversation = Ended(database)
    async with running_server(database) as server, http_client(server) as client:
        await conversation.live(Rest(client))
    return conversation


async def test_every_way_in_gives_what_it_gave_before(ended: Ended) -> None:
    cursors: list[dict[str, Any]] = [{}, {"after": 0}, {"after": 7}, {"after": ended.version}, {"epoch": "another"}]
    ways_in = WaysIn(ended.dsn, ended.id, cursors, range(1, ended.version + 1))
    before = await ways_in.answers(TEST_SETTINGS)

    await ended.archive()

    assert await ways_in.answers(TEST_SETTINGS) == before


async def test_every_command_is_answered_as_it_was_and_has_no_second_effect(ended: Ended) -> None:
    await ended.archive()
    async with running_server(ended.dsn) as server, http_client(server) as client:
        rest = Rest(client)

        for name, answer in ended.answers.items():
            assert (await ended.ask(rest, name)).content == answer

    assert ended.count(IN_ALL) == ended.version


async def test_an_id_that_was_used_there_is_not_taken_for_anything_else(ended: Ended) -> None:
    await ended.archive()
    async with running_server(ended.dsn) as server, http_client(server) as client:
        message_id = (await Rest(client).get(path(ended.id, "/messages")))["data"][0]["id"]
        feedback = path(ended.id, f"/messages/{message_id}/feedback")

        other = await client.post(feedback, json={"rating": -1}, headers=ended.headers["feedback"])

        then_problem(other, 422, "idempotency_mismatch")
    assert ended.count(IN_ALL) == ended.version


async def test_what_comes_late_is_taken_once_and_can_be_archived_with_the_rest(ended: Ended) -> None:
    await ended.archive()
    headers = key()
    async with running_server(ended.dsn) as server, http_client(server) as client:
        rest = Rest(client)
        message_id = (await rest.get(path(ended.id, "/messages")))["data"][0]["id"]
        feedback = path(ended.id, f"/messages/{message_id}/feedback")

        first = await client.post(feedback, json={"rating": 4}, headers=headers)
        assert as_json(first)["version"] == ended.version + 1
        async with PostgresArchive.connected(ended.dsn) as archive:
            assert await archive.archive([ended.id]) == 1
        again = await client.post(feedback, json={"rating": 4}, headers=headers)

        assert again.content == first.content
        assert (await rest.conversation(ended.id))["version"] == ended.version + 1
    assert ended.count(IN_THE_ARCHIVE) == ended.version


async def test_it_does_not_begin_again(ended: Ended) -> None:
    await ended.archive()
    async with running_server(ended.dsn) as server, http_client(server) as client:
        again = await client.post("/api/v2/conversations", json={"id": ended.id}, headers=key())

        assert again.status_code == 409
    assert ended.count(IN_ALL) == ended.version
