"""Every way in which a conversation can be read, by processes that have read nothing yet."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from app.settings import Settings
from tests.support.event_streams import streaming
from tests.support.feeds import durable, feeding
from tests.support.rest import Rest, path
from tests.support.server import RunningServer, http_client, running_server
from tests.support.sockets import Json, connected

FEED_EVENTS: Final = 10
OWN_TO_A_CONNECTION: Final = ("ts", "connection_id")


class WaysIn(Struct, frozen=True):
    """Of one conversation. `cursors` are those that sockets come with, `versions` those at which it is looked at."""

    dsn: str
    conversation_id: str
    cursors: Sequence[dict[str, Any]]
    versions: Sequence[int]

    async def answers(self, settings: Settings) -> dict[str, Any]:
        """What is answered, under the name of the way in, without what differs from one connection to the next."""
        async with running_server(self.dsn, settings) as server, http_client(server) as client:
            answers = await self.listened(server) | await self.asked(Rest(client))
        return {way: without_what_is_its_own(answer) for way, answer in answers.items()}

    async def listened(self, server: RunningServer) -> dict[str, Any]:
        """Over sockets and streams."""
        answers: dict[str, Any] = {f"socket {cursor}": await self.greeted(server, **cursor) for cursor in self.cursors}
        answers["feed"] = await self.fed(server)
        async with http_client(server) as client, streaming(client, self.conversation_id) as stream:
            answers["stream"] = [event.frame for event in await stream.until_live()]
        return answers

    async def asked(self, rest: Rest) -> dict[str, Any]:
        """Over REST."""
        answers: dict[str, Any] = {"now": await rest.conversation(self.conversation_id)}
        for version in self.versions:
            answers[f"version {version}"] = await rest.conversation(self.conversation_id, at_version=version)
            answers[f"event {version}"] = events = await self.listed(rest, "events", after=version - 1, limit=1)
            time = events["data"][0]["occurred_at"]
            answers[f"time of {version}"] = await rest.conversation(self.conversation_id, at=time)
            answers[f"messages at {version}"] = await self.listed(rest, "messages", at_version=version, limit=50)
        return answers

    async def listed(self, rest: Rest, what: str, **query: Any) -> Json:
        """A list of the conversation."""
        return await rest.get(path(self.conversation_id, f"/{what}"), **query)

    async def greeted(self, server: RunningServer, **cursor: Any) -> list[Json]:
        """The handshake of a socket."""
        async with connected(server.address, self.conversation_id, **cursor) as client:
            return await client.until_live()

    async def fed(self, server: RunningServer) -> list[Json]:
        """The end of the tenant's feed."""
        async with feeding(server.address, after=max(0, await server.head_position() - FEED_EVENTS)) as client:
            return durable(await client.until_live())


def without_what_is_its_own(told: Any) -> Any:
    """What is told, without what differs from one connection to the next."""
    if isinstance(told, list):
        return [without_what_is_its_own(part) for part in told]
    if isinstance(told, dict):
        parts = {name: without_what_is_its_own(part) for name, part in told.items()}
        return {name: part for name, part in parts.items() if name not in OWN_TO_A_CONNECTION}
    return told
