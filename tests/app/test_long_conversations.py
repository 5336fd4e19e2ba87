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
from app.settings import Settings
from benchmarks.history import CONVERSATION_EVENTS, add_long_conversation, fill
from domain.ids import DEFAULT_TENANT, ConversationId
from domain.ports import RecordedEvent
from projections.snapshots import RECENT_MESSAGES
from tests.support.event_streams import streaming
from tests.support.feeds import durable, feeding
from tests.support.rest import Rest, as_json, key, path
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import Json, connected

HEAD: Final = 1_150
EVERY: Final = 100
NEWEST: Final = 1_100
WITHOUT: Final = replace(TEST_SETTINGS, snapshot_every_events=0)
WITH: Final = replace(TEST_SETTINGS, snapshot_every_events=EVERY)
CURSORS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"after": 0},
    {"after": HEAD - 480},
    {"after": HEAD - 200},
    {"after": NEWEST},
    {"after": HEAD - 5},
    {"after": HEAD},
    {"after": HEAD - 5, "epoch": "another"},
)
PAST: Final = 777
WAYS_OF_NEW_PROCESSES: Final = (
    ("fresh", "near", "far", "gap", "stream", "feed", "past"),
    ("retry",),
    ("get",),
    ("command",),
)
"""A process keeps what it has read for commands, but nothing for the others."""
OWN_TO_A_CONNECTION: Final = ("ts", "connection_id")
DAMAGE: Final = "UPDATE conversation_snapshots SET state = substr(state, 1, 20)"
VERSIONS: Final = "SELECT version FROM conversation_snapshots ORDER BY version"


class LongConversation:
    """Among others, with the command that was carried out in it last."""

    def __init__(self, dsn: str, conversation_id: str) -> None:
        self.dsn = dsn
        self.id = conversation_id
        self.command = key()

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
        response = await rest.command(self.id, "change_metadata", headers=self.command, metadata={"seen": "yes"})
        assert response.status_code == 200, response.text
        return as_json(response)

    async def answers(self, settings: Settings) -> dict[str, Any]:
        """What a process that has read nothing yet answers to everybody, each thing under the name of its way in."""
        answers: dict[str, Any] = {}
        async with running_server(self.dsn, settings) as server, http_client(server) as client:
            rest = Rest(client)
            answers["command"] = await self.run_command(rest)
            answers["feed"] = await self.fed(server)
            for cursor in CURSORS:
                answers[f"socket {cursor}"] = await self.greeted(server, **cursor)
            async with streaming(client, self.id) as stream:
                answers["stream"] = [event.frame for event in await stream.until_live()]
            for version in (1, EVERY - 1, EVERY, EVERY + 1, PAST, HEAD):
                answers[f"at version {version}"] = await rest.conversation(self.id, at_version=version)
            events = await rest.get(path(self.id, "/events"), after=PAST - 1, limit=1)
            answers["at time"] = await rest.conversation(self.id, at=events["data"][0]["occurred_at"])
            answers["messages"] = await rest.get(path(self.id, "/messages"), at_version=PAST, limit=50)
            answers["now"] = await rest.conversation(self.id)
        return {way: without_what_is_its_own(answer) for way, answer in answers.items()}

    async def greeted(self, server: RunningServer, **cursor: Any) -> list[Json]:
        """The handshake of a socket."""
        async with connected(server.address, self.id, **cursor) as client:
            return await client.until_live()

    async def fed(self, server: RunningServer) -> list[Json]:
        """The end of the tenant's feed."""
        async with feeding(server.address, after=await server.head_position() - 10) as client:
            return durable(await client.until_live())


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
            while conversation.snapshots() != list(range(NEWEST - 600, NEWEST + 1, EVERY)):  # noqa: ASYNC110 - nothing tells it
                await anyio.sleep(0.01)
    return conversation


def without_what_is_its_own(told: Any) -> Any:
    """What is told, without what differs from one connection to the next."""
    if isinstance(told, list):
        return [without_what_is_its_own(part) for part in told]
    if isinstance(told, dict):
        parts = {name: without_what_is_its_own(part) for name, part in told.items()}
        return {name: part for name, part in parts.items() if name not in OWN_TO_A_CONNECTION}
    return told


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
    expected = await snapshotted.answers(WITHOUT)
    assert len(expected["socket {}"][1]["payload"]["messages"]) == RECENT_MESSAGES

    assert await snapshotted.answers(WITH) == expected
    snapshotted.damage()
    assert await snapshotted.answers(WITH) == expected


async def test_damaged_snapshots_are_replaced(snapshotted: LongConversation) -> None:
    snapshotted.damage()

    async with running_server(snapshotted.dsn, WITH) as server, http_client(server) as client:
        await Rest(client).conversation(snapshotted.id)
        keeper = server.parts.snapshot_keeper
        with anyio.fail_after(5):
            while not await is_sound(server, snapshotted):  # noqa: ASYNC110 - nothing tells it
                await anyio.sleep(0.01)
        assert keeper.lost == 0


async def is_sound(server: RunningServer, conversation: LongConversation) -> bool:
    """Whether a history is read from its newest snapshot."""
    snapshots = PostgresSnapshots(server.parts.pool, server.parts.store)
    history = await snapshots.load(DEFAULT_TENANT, ConversationId(conversation.id))
    return history.base.version == NEWEST


async def test_no_way_in_reads_more_than_the_events_after_a_snapshot(
    snapshotted: LongConversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: dict[str, list[int]] = {}
    for ways in WAYS_OF_NEW_PROCESSES:
        async with running_server(snapshotted.dsn, WITH) as server, http_client(server) as client:
            for way in ways:
                with read_events(monkeypatch) as read[way]:
                    await enter(snapshotted, way, server, Rest(client))

    owed = {"far": 480, "feed": 10, "retry": 1}  # beside what brings the conversation there
    counts = {way: len(versions) - owed.get(way, 0) for way, versions in read.items()}
    assert {way: count for way, count in counts.items() if not 0 < count <= 2 * EVERY} == {}
    since = {"far": HEAD - 480 - EVERY, "past": PAST - EVERY}
    assert {way: min(versions) for way, versions in read.items() if min(versions) <= since.get(way, NEWEST)} == {}


async def enter(conversation: LongConversation, way: str, server: RunningServer, rest: Rest) -> None:
    """By one way, as the first."""
    match way:
        case "get":
            await rest.conversation(conversation.id)
        case "command":
            await rest.given_command(conversation.id, "change_metadata", metadata={"seen": "twice"})
        case "retry":
            await conversation.run_command(rest)
        case "fresh" | "near" | "far" | "gap":
            cursors = {"fresh": {}, "near": {"after": HEAD - 5}, "far": {"after": HEAD - 480}, "gap": {"after": 1}}
            await conversation.greeted(server, **cursors[way])
        case "stream":
            async with streaming(rest.client, conversation.id) as stream:
                await stream.until_live()
        case "feed":
            await conversation.fed(server)
        case _:
            await rest.conversation(conversation.id, at_version=PAST)
