"""A long conversation over every way in: the same with snapshots, without and with damaged ones; and read in part."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import anyio
import psycopg
import pytest
from msgspec.structs import replace

from adapters.postgres import recorded
from adapters.postgres.snapshots import PostgresSnapshots
from benchmarks.history import CONVERSATION_EVENTS, add_long_conversation, fill
from domain.ids import DEFAULT_TENANT, ConversationId
from domain.ports import RecordedEvent
from projections.snapshots import RECENT_MESSAGES
from tests.support.event_streams import streaming
from tests.support.rest import Rest, as_json, key
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import Json
from tests.support.waiting import until
from tests.support.ways_in import FEED_EVENTS, WaysIn

HEAD: Final = 1_150
EVERY: Final = 100
NEWEST: Final = 1_100
PAST: Final = 777
REPLAYED: Final = 480
WITHOUT: Final = replace(TEST_SETTINGS, snapshot_every_events=0)
WITH: Final = replace(TEST_SETTINGS, snapshot_every_events=EVERY)
CURSORS: Final[dict[str, dict[str, Any]]] = {
    "fresh": {},
    "near": {"after": HEAD - 5},
    "at the newest": {"after": NEWEST},
    "at the head": {"after": HEAD},
    "far": {"after": HEAD - REPLAYED},
    "gap": {"after": 0},
    "of another epoch": {"after": HEAD - 5, "epoch": "another"},
}
WAYS_OF_NEW_PROCESSES: Final = ((*CURSORS, "stream", "feed", "past"), ("retry",), ("get",), ("command",))
"""A process keeps what it has read for commands, and nothing for the others."""

DAMAGE: Final = "UPDATE conversation_snapshots SET state = substr(state, 1, 20)"
VERSIONS: Final = "SELECT version FROM conversation_snapshots ORDER BY version"


class LongConversation:
    """Among others, with the command that was carried out in it last."""

    def __init__(self, dsn: str, conversation_id: str) -> None:
        self.dsn = dsn
        self.id = conversation_id
        self.ways_in = WaysIn(dsn, conversation_id, tuple(CURSORS.values()), (1, EVERY - 1, EVERY, PAST, HEAD))
        self._command = key()

    def snapshots(self) -> list[int]:
        """The versions of those that there are."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return [row[0] for row in connection.execute(VERSIONS)]

    def damage(self) -> None:
        """All that there are."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            assert connection.execute(DAMAGE).rowcount

    async def run_command(self, rest: Rest) -> Json:
        """The same command each time."""
        response = await rest.command(self.id, "change_metadata", headers=self._command, metadata={"seen": "yes"})
        assert response.status_code == 200, response.text
        return as_json(response)


@pytest.fixture
async def conversation(database: str) -> LongConversation:
    await fill(database, CONVERSATION_EVENTS)
    conversation = LongConversation(database, await add_long_conversation(database, HEAD - 1))
    async with running_server(database, WITHOUT) as server, http_client(server) as client:
        assert (await conversation.run_command(Rest(client)))["version"] == HEAD
    return conversation


@pytest.fixture
async def snapshotted(conversation: LongConversation) -> LongConversation:
    """The same, after somebody has read it who keeps snapshots."""
    async with running_server(conversation.dsn, WITH) as server, http_client(server) as client:
        await Rest(client).conversation(conversation.id)
        with anyio.fail_after(5):
            while conversation.snapshots() != list(range(NEWEST - 600, NEWEST + 1, EVERY)):  # noqa: ASYNC110 - as below
                await anyio.sleep(0.01)
    return conversation


@contextmanager
def read_events(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The versions of the events of conversations that are read meanwhile."""
    versions: list[int] = []
    from_row = recorded.from_row

    def noting(row: recorded.StoredRow) -> RecordedEvent:
        versions.append(row[1])
        return from_row(row)

    with monkeypatch.context() as patched:
        patched.setattr(recorded, "from_row", noting)
        yield versions


async def test_every_way_in_gives_the_same_with_snapshots_without_and_with_damaged_ones(
    snapshotted: LongConversation,
) -> None:
    expected = await snapshotted.ways_in.answers(WITHOUT)
    assert len(expected["socket {}"][1]["payload"]["messages"]) == RECENT_MESSAGES

    assert await snapshotted.ways_in.answers(WITH) == expected
    snapshotted.damage()
    assert await snapshotted.ways_in.answers(WITH) == expected


async def test_a_retry_gives_its_answer_from_a_snapshot(snapshotted: LongConversation) -> None:
    answers = []
    for settings in (WITHOUT, WITH):
        async with running_server(snapshotted.dsn, settings) as server, http_client(server) as client:
            answers.append(await snapshotted.run_command(Rest(client)))

    assert answers[0] == answers[1]
    assert [event["version"] for event in answers[0]["events"]] == [HEAD]


async def test_damaged_snapshots_are_replaced(snapshotted: LongConversation) -> None:
    snapshotted.damage()

    async with running_server(snapshotted.dsn, WITH) as server, http_client(server) as client:
        await Rest(client).conversation(snapshotted.id)
        with anyio.fail_after(5):
            while await base_version(server, snapshotted) != NEWEST:  # noqa: ASYNC110 - nothing tells it
                await anyio.sleep(0.01)
        assert server.parts.snapshot_keeper.lost == 0


async def base_version(server: RunningServer, conversation: LongConversation) -> int:
    """That of the snapshot from which the conversation is read."""
    snapshots = PostgresSnapshots(server.parts.pool, server.parts.store)
    return (await snapshots.load(DEFAULT_TENANT, ConversationId(conversation.id))).base.version


async def test_no_way_in_reads_more_than_the_events_after_a_snapshot(
    snapshotted: LongConversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: dict[str, list[int]] = {}
    for ways in WAYS_OF_NEW_PROCESSES:
        async with running_server(snapshotted.dsn, WITH) as server, http_client(server) as client:
            for way in ways:
                with read_events(monkeypatch) as read[way]:
                    await enter(snapshotted, way, server, Rest(client))

    owed = {"far": REPLAYED, "feed": FEED_EVENTS, "retry": 1}  # beside what brings the conversation there
    counts = {way: len(versions) - owed.get(way, 0) for way, versions in read.items()}
    assert {way: count for way, count in counts.items() if not 0 < count <= 2 * EVERY} == {}
    since = {"far": HEAD - REPLAYED - EVERY, "past": PAST - EVERY}
    assert {way: min(versions) for way, versions in read.items() if min(versions) <= since.get(way, NEWEST)} == {}


async def enter(conversation: LongConversation, way: str, server: RunningServer, rest: Rest) -> None:
    """By one way."""
    match way:
        case "get":
            await rest.conversation(conversation.id)
        case "command":
            await rest.given_command(conversation.id, "change_metadata", metadata={"seen": "twice"})
        case "retry":
            await conversation.run_command(rest)
        case "stream":
            async with streaming(rest.client, conversation.id) as stream:
                await stream.until_live()
        case "feed":
            await conversation.ways_in.fed(server)
        case "past":
            await rest.conversation(conversation.id, at_version=PAST)
        case _:
            await conversation.ways_in.greeted(server, **CURSORS[way])


async def test_an_answer_that_goes_on_after_many_messages_is_answered_with_its_own(database: str) -> None:
    async with running_server(database, WITH) as server, http_client(server) as client:
        rest = Rest(client)
        conversation_id = await rest.given_speaking()
        interrupted = await rest.given_command(conversation_id, "start_listening", source="voice")
        for number in range(RECENT_MESSAGES + EVERY):
            await rest.given_message(conversation_id, role="tool", content=str(number))
        await until(lambda: LongConversation(database, conversation_id).snapshots() == [EVERY])
        await rest.given_command(conversation_id, "resume_speech")

        answered = await rest.given_message(conversation_id, role="assistant", content="At seven.")

        assert answered["message"]["version"] == interrupted["version"]
        assert answered["message"]["content"] == "At seven."
