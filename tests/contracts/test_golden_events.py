"""What was ever written stays readable: one stored payload of every event, in every version that it ever had.

A file is `<tag>.v<schema version>.json`, the stored JSON with line breaks. It is never changed. Who raises a schema
version adds a file and leaves the older one.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.codec.events import SCHEMA_VERSIONS, StoredState, decode, encode, topic_of
from domain.conversation.conversation import Conversation, MessageIds
from domain.conversation.events import EVENT_TYPES, Event
from domain.conversation.evolution import evolve
from domain.conversation.transitions import State
from domain.conversation.values import Policies
from domain.ids import ConversationId, MessageId, TenantId

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
TOPICS = [f"{tag}.v{version}" for tag, latest in SCHEMA_VERSIONS.items() for version in range(1, latest + 1)]
PRESENT_TOPICS = [f"{tag}.v{version}" for tag, version in SCHEMA_VERSIONS.items()]
UNBORN = Conversation(id=ConversationId("conversation"), tenant_id=TenantId("tenant"))
"""A conversation that has no event yet."""

A_HISTORY = [
    "conversation_started",
    "listening_started",
    "listening_stopped",
    "user_message_received",
    "response_started",
    "tool_call_started",
    "tool_call_completed",
    "response_interrupted",
    "speech_resumed",
    "user_message_queued",
    "response_completed",
    "response_cancelled",
    "turn_failed",
    "turn_retried",
    "message_recorded",
    "message_corrected",
    "feedback_recorded",
    "metadata_changed",
    "conversation_ended",
]


NOON = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
MEANT = Conversation(
    id=UNBORN.id,
    tenant_id=TenantId("00000000-0000-0000-0000-000000000001"),
    version=19,
    state=State.ENDED,
    turn=1,
    user_id="ada",
    agent="concierge",
    channel="phone",
    language="en-GB",
    metadata={"plan": "gold", "city": "Graz"},
    parent_id=ConversationId("01980000-0000-7000-8000-0000000000a1"),
    policies=Policies(on_busy="enqueue", on_disconnect="keep", idle_timeout_s=600, max_duration_s=3_600),
    started_at=NOON,
    last_activity_at=NOON,
    ended_at=NOON,
    ended_reason="client_disconnected",
    message_ids=MessageIds(
        recent=(
            MessageId("01980000-0000-7000-8000-000000000003"),
            MessageId("01980000-0000-7000-8000-000000000004"),
        )
    ),
)
"""What the payloads of version 1 fold into, in that order. A new field of the conversation may add to it."""


def golden(topic: str) -> bytes:
    """The payload as it was stored."""
    return (GOLDEN / f"{topic}.json").read_bytes()


def stored(topic: str) -> StoredState:
    """What the code of today reads in it."""
    return decode(topic, golden(topic))[0]


def test_every_version_of_every_event_has_its_payload_and_nothing_else_is_there() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{topic}.json" for topic in TOPICS}


@pytest.mark.parametrize("topic", TOPICS)
def test_it_decodes_into_the_version_that_it_was_written_in(topic: str) -> None:
    state, schema_version = decode(topic, golden(topic))
    assert topic.endswith(f".v{schema_version}")
    assert topic_of(state.data).startswith(topic.rpartition(".v")[0] + ".v")


@pytest.mark.parametrize("topic", TOPICS)
def test_it_folds(topic: str) -> None:
    state = stored(topic)
    assert evolve(UNBORN, state.data, state.origin.occurred_at).version == 1


@pytest.mark.parametrize("topic", PRESENT_TOPICS)
def test_the_code_of_today_would_write_the_same(topic: str) -> None:
    state = stored(topic)
    written = encode(state.event_id, state.origin, state.data)
    assert msgspec.json.format(written, indent=2) + b"\n" == golden(topic)


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event_type: event_type.__name__)
def test_the_payload_has_every_field(event_type: type[Event]) -> None:
    """A field at its default is not written, and would not be seen to be renamed."""
    tag = str(event_type.__struct_config__.tag)
    payload: dict[str, Any] = msgspec.json.decode(golden(f"{tag}.v{SCHEMA_VERSIONS[tag]}"))
    assert set(payload["data"]) == {"type", *event_type.__struct_fields__}


def test_together_they_mean_what_they_meant() -> None:
    conversation = UNBORN
    for tag in A_HISTORY:
        state = stored(f"{tag}.v1")
        conversation = evolve(conversation, state.data, state.origin.occurred_at)
    assert conversation == MEANT


def test_the_history_has_every_event() -> None:
    assert set(A_HISTORY) == set(SCHEMA_VERSIONS)
