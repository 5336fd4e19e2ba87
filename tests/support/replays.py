"""Conversations to be replayed over a socket, and what a replay of them is."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from domain.conversation import events as e
from domain.conversation.values import Policies
from domain.ids import DEFAULT_TENANT, ConversationId
from tests.support.appends import an_append, message, new_conversation
from tests.support.rest import Rest, path
from tests.support.server import RunningServer
from tests.support.sockets import Json, SocketClient
from tests.support.waiting import until

STARTED: Final = e.ConversationStarted(tenant_id=DEFAULT_TENANT, policies=Policies())


async def given_dialogue(rest: Rest) -> str:
    """A conversation with an interruption, a tool, a correction and an end."""
    conversation_id = await rest.given_conversation(user_id="ada")
    await rest.given_command(conversation_id, "start_listening")
    asked = await rest.given_message(conversation_id, content="A table for too?")
    await rest.given_command(conversation_id, "start_response", response_id="r-1")
    await rest.given_command(conversation_id, "start_tool_call", tool_call_id="t-1", name="find", arguments={"n": 2})
    await rest.given_command(conversation_id, "interrupt_response", generated_text="We have one", heard_text="We")
    await rest.given_command(
        conversation_id, "correct_message", message_id=asked["message"]["id"], content="A table for two?"
    )
    await rest.client.put(path(conversation_id, "/end"))
    return conversation_id


async def given_events(server: RunningServer, *events: e.Event) -> ConversationId:
    """A conversation of these events, stored at once."""
    conversation_id = new_conversation()
    await server.parts.store.append(an_append(conversation_id, events=events, tenant_id=DEFAULT_TENANT))
    return conversation_id


async def whole_replay(client: SocketClient) -> tuple[Json, list[Json]]:
    """What `ready` says, and the frames of events, of a replay that ends as it should."""
    frames, code, reason = await client.closed()
    assert (code, reason) == (1000, "normal")
    ready, *told, over = frames
    assert over["payload"]["status"] == "replay_over"
    payload: Json = ready["payload"]
    return payload, told


def unmarked(frames: Sequence[Json]) -> list[Json]:
    """The frames as they would be live."""
    return [{name: value for name, value in frame.items() if name != "replay"} for frame in frames]


async def given_nobody(server: RunningServer) -> None:
    """Those who were connected before have left."""
    await until(lambda: len(server.parts.live) == server.parts.hub.subscriber_count == 0)


async def given_pause(server: RunningServer) -> ConversationId:
    """A conversation of two events, between which at the slowest more time passes than any test has."""
    conversation_id = await given_events(server, STARTED)
    later = an_append(conversation_id, 1, events=[message("later")], tenant_id=DEFAULT_TENANT)
    origin = replace(later.origin, occurred_at=later.origin.occurred_at + timedelta(hours=1))
    await server.parts.store.append(replace(later, origin=origin))
    return conversation_id


async def until_first_event(client: SocketClient) -> None:
    """The replay has begun, and is in its pause."""
    assert (await client.next())["payload"]["status"] == "ready"
    assert (await client.next_durable())["seq"] == 1
