"""What is being said, in the feed of a tenant: for those who ask for it, as the conversations' own sockets tell it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.system.clock import SystemClock
from app.histories import Histories
from app.ws.feed.events import FeedEvents
from app.ws.feed.filter import FeedFilter
from app.ws.feed.tenants import FeedSubscriber, TenantFeeds
from app.ws.frames import Frames
from app.ws.hub import Hub
from app.ws.inbound import InterimMessage
from app.ws.protocol import AnswerDelta, TranscriptUpdate
from app.ws.subscriber import Subscriber
from domain.ids import DEFAULT_TENANT, ConversationId, TenantId
from tests.support.appends import new_conversation, new_id
from tests.support.feeds import feeding
from tests.support.rest import Rest
from tests.support.server import RunningServer
from tests.support.sockets import Json, SocketClient, connected

EPOCH = "e"
MESSAGES: tuple[Json, ...] = (
    {"segment_id": "s-1", "revision": 1, "text": "A tab", "is_final": False},
    {"response_id": "r-1", "offset": 0, "delta": "At ei"},
    {"event": "playback_progress", "at_ms": 120},
)


@asynccontextmanager
async def speaking_to(server: RunningServer, conversation_id: str) -> AsyncIterator[SocketClient]:
    """Somebody who is live on the socket of the conversation."""
    async with connected(server.address, conversation_id) as speaker:
        await speaker.until_live()
        yield speaker


async def said(speaker: SocketClient, payload: Json) -> str:
    """The text in which the conversation's own socket has it."""
    await speaker.interim(**payload)
    await speaker.find(lambda frame: frame["payload"] == payload)
    return speaker.texts[-1]


async def test_who_asks_for_it_hears_all_conversations_in_the_frames_of_their_own_sockets(
    server: RunningServer, rest: Rest
) -> None:
    one, other = await rest.given_speaking(), await rest.given_speaking()
    async with (
        feeding(server.address, interims="true") as feed,
        speaking_to(server, one) as first,
        speaking_to(server, other) as second,
    ):
        await feed.until_live()

        # when both conversations speak of a segment and an answer of the same name
        told = [await said(speaker, payload) for payload in MESSAGES for speaker in (first, second)]
        heard = [await feed.next() for _ in told]

    assert feed.texts[2:] == told
    assert [frame["conversation_id"] for frame in heard] == [one, other] * len(MESSAGES)
    assert all((frame["seq"], frame["final"]) == (None, False) for frame in heard)


@pytest.mark.parametrize("query", [{}, {"interims": "false"}], ids=str)
async def test_who_does_not_ask_for_it_hears_nothing(server: RunningServer, rest: Rest, query: Json) -> None:
    conversation_id = await rest.given_speaking()
    async with feeding(server.address, **query) as feed, speaking_to(server, conversation_id) as speaker:
        await feed.until_live()
        await said(speaker, MESSAGES[0])
        await speaker.command("complete_response", content="At eight.")

        assert (await feed.next())["payload"]["text"] == "At eight."


@pytest.mark.parametrize(
    ("query", "heard"),
    [
        ({"type": "ai_response"}, [("ann", 1), ("bob", 1)]),
        ({"type": "state_update"}, []),
        ({"user_id": "ann"}, [("ann", 0), ("ann", 1), ("ann", 2)]),
        ({"user_id": "bob", "type": "speech_event,transcript_update"}, [("bob", 0), ("bob", 2)]),
        ({"state": "SPEAKING", "type": "transcript_update"}, [("bob", 0)]),
        ({"state": "LISTENING", "type": "transcript_update"}, [("ann", 0)]),
    ],
    ids=str,
)
async def test_the_filters_are_for_what_is_being_said_too(
    server: RunningServer, rest: Rest, query: Json, heard: list[tuple[str, int]]
) -> None:
    # given Ann, who speaks, and Bob, who listens to the agent
    ann, bob = await rest.given_conversation(user_id="ann"), await rest.given_speaking(user_id="bob")
    async with speaking_to(server, ann) as first, speaking_to(server, bob) as second:
        await first.command("start_listening")
        async with feeding(server.address, interims="true", **query) as feed:
            await feed.until_live()
            texts = {
                (user, number): await said(speaker, payload)
                for user, speaker in (("ann", first), ("bob", second))
                for number, payload in enumerate(MESSAGES)
            }
            await feed.send({"type": "ping", "n": 1})
            await feed.find(lambda frame: frame["payload"].get("status") == "pong")

    assert feed.texts[2:-1] == [texts[key] for key in heard]


@pytest.mark.parametrize("given", ["yes", "", "True", "1", ["true", "true"]], ids=str)
async def test_anything_but_true_or_false_is_refused_with_the_field(server: RunningServer, given: Any) -> None:
    async with feeding(server.address, interims=given) as feed:
        frames, code, _ = await feed.closed()

    assert code == 4400
    assert (frames[0]["payload"]["code"], frames[0]["payload"]["field"]) == ("invalid_query", "interims")


async def test_what_original_clients_say_over_rest_is_heard_though_nobody_is_on_the_socket(
    server: RunningServer, rest: Rest
) -> None:
    conversation_id = await rest.given_speaking(user_id="ann")
    address = f"/api/conversations/{conversation_id}"
    async with (
        feeding(server.address, interims="true") as feed,
        feeding(server.address, interims="true", user_id="ann") as of_ann,
    ):
        await feed.until_live()
        await of_ann.until_live()
        # a piece of an answer that does not say where it belongs is for those who have the pieces before it
        for path, body in (
            ("ai-response", {"delta": "At ei", "is_final": False}),
            ("transcript", {"text": "A tab", "is_final": False}),
        ):
            answer = await rest.client.post(f"{address}/{path}", json=body)
            assert answer.is_success, answer.text
        assert (await feed.next())["payload"]["text"] == "A tab"

        # and whose conversation it is, nobody here has read
        await rest.given_command(conversation_id, "complete_response", content="At eight.")
        assert (await of_ann.next())["payload"]["text"] == "At eight."


class Network:
    """An outlet that remembers what it took."""

    def __init__(self) -> None:
        self.is_writable = True
        self.texts: list[bytes] = []

    def write(self, frames: Frames) -> None:
        self.texts += frames.texts

    def heard(self) -> list[tuple[str, Any]]:
        """Who has said what."""
        frames = [msgspec.json.decode(text) for text in self.texts]
        return [
            (frame["conversation_id"], frame["payload"].get("text", frame["payload"].get("delta"))) for frame in frames
        ]


class Overhearing:
    """A feed with one client that is attached, and the hub that tells it."""

    def __init__(self, wanted: FeedFilter) -> None:
        self.feeds = TenantFeeds(FeedEvents(Histories(MemoryEventStore(SystemClock())), EPOCH))
        self.hub = Hub(EPOCH, SystemClock(), self.feeds)
        self.network = Network()
        self.queue = Subscriber(self.network, lambda: None)
        self.subscriber = FeedSubscriber(self.queue, wanted)
        self.feeds.attach(DEFAULT_TENANT, self.subscriber)

    def say(self, conversation_id: ConversationId, text: str, tenant_id: TenantId = DEFAULT_TENANT) -> None:
        """Another form of the segment that all conversations have."""
        update = TranscriptUpdate(text=text, is_final=False, segment_id="s-1")
        message = InterimMessage("transcript_update", update, "s-1", None)
        self.hub.broadcast_interim((tenant_id, conversation_id), message)

    def answer(self, conversation_id: ConversationId, offset: int, piece: str) -> None:
        """A piece of the answer that all conversations have."""
        delta = AnswerDelta(response_id="r-1", offset=offset, delta=piece)
        self.hub.broadcast_interim(
            (DEFAULT_TENANT, conversation_id), InterimMessage("ai_response", delta, "r-1", offset)
        )


def overhearing() -> Overhearing:
    """A client that asks for everything, and is live."""
    parts = Overhearing(FeedFilter(with_interims=True))
    parts.subscriber.go_live(0)
    return parts


def test_while_a_client_is_slow_what_it_waits_for_is_joined_within_each_conversation() -> None:
    parts, one, other = overhearing(), new_conversation(), new_conversation()

    # given a network that takes nothing for a while
    parts.network.is_writable = False
    for conversation_id in (one, other):
        parts.say(conversation_id, "A")
        parts.answer(conversation_id, 0, "At ")
    parts.say(one, "A table")
    parts.answer(other, 3, "eight")
    parts.network.is_writable = True
    parts.queue.flush()

    # then neither conversation has taken the place of the other
    assert sorted(parts.network.heard()) == sorted([(one, "A table"), (one, "At "), (other, "A"), (other, "At eight")])


def test_another_tenant_is_never_heard() -> None:
    parts, conversation_id = overhearing(), new_conversation()

    parts.say(conversation_id, "a secret", TenantId(new_id()))
    parts.say(conversation_id, "hello")

    assert parts.network.heard() == [(conversation_id, "hello")]


def test_during_a_replay_nothing_is_heard() -> None:
    parts, conversation_id = Overhearing(FeedFilter(with_interims=True)), new_conversation()

    parts.say(conversation_id, "A")
    parts.subscriber.go_live(0)
    parts.say(conversation_id, "A table")

    assert parts.network.heard() == [(conversation_id, "A table")]


def test_it_is_asked_for_only_while_somebody_does() -> None:
    parts = Overhearing(FeedFilter())
    assert not parts.feeds.wants_interims(DEFAULT_TENANT)

    curious = FeedSubscriber(Subscriber(parts.network, lambda: None), FeedFilter(with_interims=True))
    parts.feeds.attach(DEFAULT_TENANT, curious)
    assert parts.feeds.wants_interims(DEFAULT_TENANT)
    assert not parts.feeds.wants_interims(TenantId(new_id()))

    parts.feeds.detach(DEFAULT_TENANT, curious)
    assert not parts.feeds.wants_interims(DEFAULT_TENANT)
