"""F23: what was ever written stays readable: one stored payload of every event, in every version that it ever had.

All of them decode, and fold into the same conversation and the same rows for ever.

A file is `<tag>.v<schema version>.json`, the stored JSON with line breaks. It is never changed. Who raises a schema
version adds a file and leaves the older one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.codec.events import SCHEMA_VERSIONS, StoredState, decode, encode, topic_of
from domain.conversation.conversation import Conversation, MessageIds
from domain.conversation.events import EVENT_TYPES, Event, MessageRecorded, UserMessageQueued
from domain.conversation.evolution import evolve, fold
from domain.conversation.transitions import State
from domain.conversation.values import Policies
from domain.envelope import Recorded
from domain.ids import ConversationId, MessageId, TenantId
from domain.ports import RecordedEvent
from projections.whole import whole_rows

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
GOLDEN_ROWS = GOLDEN.parent / "rows" / "of_every_event.json"
"""The rows of a history that has every event. As the payloads, never changed."""

TOPICS = [f"{tag}.v{version}" for tag, latest in SCHEMA_VERSIONS.items() for version in range(1, latest + 1)]
PRESENT_TOPICS = [f"{tag}.v{version}" for tag, version in SCHEMA_VERSIONS.items()]
ERAS = range(1, max(SCHEMA_VERSIONS.values()) + 1)
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

QUESTION_ID = MessageId("01980000-0000-7000-8000-000000000001")
ANSWER_ID = MessageId("01980000-0000-7000-8000-000000000002")

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


def history_of(tags: Sequence[str], era: int) -> list[RecordedEvent]:
    """The events as they were stored when none had a higher schema version than this."""
    return [recorded(f"{tag}.v{min(era, SCHEMA_VERSIONS[tag])}", number) for number, tag in enumerate(tags, start=1)]


def recorded(topic: str, version: int) -> RecordedEvent:
    """The payload as this version of a conversation."""
    state, schema_version = decode(topic, golden(topic))
    return Recorded(
        tenant_id=UNBORN.tenant_id,
        conversation_id=UNBORN.id,
        version=version,
        position=version,
        event_id=state.event_id,
        event=state.data,
        schema_version=schema_version,
        origin=state.origin,
        recorded_at=state.origin.occurred_at,
    )


def with_rows_to_change(history: list[RecordedEvent]) -> list[RecordedEvent]:
    """The payloads change messages that earlier events have made; here those are made at the beginning."""
    started, *rest = history
    makers = {type(one.event): one for one in rest}
    question = makers[UserMessageQueued]
    answer = makers[MessageRecorded]
    return [
        started,
        replace(question, event=force_id(question.event, QUESTION_ID)),
        replace(answer, event=force_id(answer.event, ANSWER_ID)),
        *rest,
    ]


def force_id(event: Event, message_id: MessageId) -> Event:
    """The same of another message."""
    assert isinstance(event, UserMessageQueued | MessageRecorded)
    return replace(event, message_id=message_id)


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


@pytest.mark.parametrize("era", ERAS)
def test_together_they_mean_what_they_meant(era: int) -> None:
    assert fold(UNBORN, history_of(A_HISTORY, era)) == MEANT


@pytest.mark.parametrize("era", ERAS)
def test_their_rows_are_what_they_were(era: int) -> None:
    """What a row has beside the columns of the file was added later."""
    rows = whole_rows(with_rows_to_change(history_of(A_HISTORY, era)))
    golden_rows = msgspec.json.decode(GOLDEN_ROWS.read_bytes())
    for name, made in (("sessions", rows.sessions), ("messages", rows.messages)):
        columns = [msgspec.to_builtins(row) for row in made]
        assert [{**row, **known} for row, known in zip(columns, golden_rows[name], strict=True)] == columns


def test_the_history_has_every_event() -> None:
    assert set(A_HISTORY) == set(SCHEMA_VERSIONS)
