"""One example of every message. Tests hold them against the schemas, and the server reads the frames of clients."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from app.ws import protocol as p

CONVERSATION_ID: Final = "01970c3e-8a00-7000-8000-000000000001"
COMMAND_ID: Final = "01970c3e-8b00-7000-8000-000000000002"
EVENT_ID: Final = "01970c3e-8b01-7000-8000-000000000003"
MESSAGE_ID: Final = "01970c3e-8c00-7000-8000-000000000004"
RESPONSE_ID: Final = "01970c3e-8d00-7000-8000-000000000005"
EPOCH: Final = "01970a00-0000-7000-8000-000000000006"
NOW: Final = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
_ALLOWED: Final = ("start_listening", "submit_user_message", "end_conversation")

READY: Final = p.Ready(
    connection_id="01970c3e-8e00-7000-8000-000000000007",
    heartbeat_interval_ms=p.HEARTBEAT_INTERVAL_MS,
    heartbeat_timeout_ms=2 * p.HEARTBEAT_INTERVAL_MS,
    limits={
        "max_frame_bytes": p.MAX_FRAME_BYTES,
        "max_replay_events": p.MAX_REPLAY_EVENTS,
        "messages_per_s": 20,
        "messages_burst": 60,
    },
    session_expires_at=None,
    resume=p.Resume(outcome="resumed", after=14, head=17, epoch=EPOCH, replay_count=5),
)
INTERIM_TRANSCRIPT: Final = p.TranscriptUpdate(text="a table for", is_final=False, segment_id="s1", revision=3)
SNAPSHOT: Final = p.Snapshot(
    from_state="LISTENING",
    to="LISTENING",
    status="LISTENING",
    reason="snapshot",
    turn=2,
    allowed=("submit_user_message", "stop_listening", "end_conversation"),
    as_of_seq=17,
    messages=(
        p.SnapshotMessage(message_id=MESSAGE_ID, role="user", text="Good evening.", seq=2),
        p.SnapshotMessage(message_id=RESPONSE_ID, role="assistant", text="What can I do for you?", seq=4),
    ),
    interims=(p.OpenInterim(type="transcript_update", key="s1", rev=3, payload=INTERIM_TRANSCRIPT),),
)
LIVE: Final = p.Live(head=17)
REPLAY_OVER: Final = p.ReplayOver(head=17)
HEARTBEAT: Final = p.Heartbeat(head=17, server_time=datetime(2026, 5, 4, 12, 0, 25, tzinfo=UTC))
DRAINING: Final = p.Draining(after_ms=1_800)
CLOSING: Final = p.Closing(code=1012, action="resume", after_ms=1_800)
PONG: Final = p.Pong(n=1)
ACK: Final = p.Ack(command_id=COMMAND_ID, version=17, position=90_210, durable=True, replayed=False)
REFUSAL: Final = p.ErrorPayload(
    code="invalid_transition",
    message="`resume_speech` is not possible in IDLE.",
    retryable=False,
    fatal=False,
    command_id=COMMAND_ID,
    state="IDLE",
    version=17,
    allowed=_ALLOWED,
)
STATE_UPDATE: Final = p.StateUpdate(
    from_state="PROCESSING",
    to="SPEAKING",
    status="SPEAKING",
    reason="response_started",
    turn=2,
    allowed=("start_listening", "complete_response", "interrupt_response", "end_conversation"),
    data={"response_id": RESPONSE_ID},
)
TRANSCRIPT: Final = p.TranscriptUpdate(
    text="A table for two.", is_final=True, segment_id="s1", segment_ids=("s1",), message_id=MESSAGE_ID
)
ANSWER: Final = p.Answer(message_id=MESSAGE_ID, text="At seven?", response_id=RESPONSE_ID, finish_reason="stop")
SPEECH: Final = p.SpeechEvent(event="started", actor="user")
TURN_FAILED: Final = p.ErrorPayload(code="agent_lost", message="The agent is gone.", retryable=True, fatal=False)
ANSWER_DELTA: Final = p.AnswerDelta(response_id=RESPONSE_ID, offset=3, delta="seven?")
INTERIM_SPEECH: Final = p.SpeechEvent(event="playback_progress", actor="agent", at_ms=420)

MARKS: Final[dict[type[Struct], dict[str, Any]]] = {
    p.TranscriptUpdate: {"key": "s1", "rev": 3},
    p.AnswerDelta: {"key": RESPONSE_ID, "rev": 3},
}
"""What makes the examples replaceable."""

CLIENT_FRAMES: Final[dict[str, dict[str, Any]]] = {
    "command": {
        "type": "command",
        "id": COMMAND_ID,
        "name": "submit_user_message",
        "payload": {"content": "A table for two.", "segment_ids": ["s1"]},
        "expected_version": 16,
    },
    "interim": {
        "type": "interim",
        "payload": {"text": "a table for", "is_final": False, "segment_id": "s1", "revision": 3},
    },
    "ping": {"type": "ping", "n": 1},
    "ack": {"type": "ack", "seq": 17},
    "state_update": {"type": "state_update", "payload": {"state": "LISTENING"}},
    "transcript_update": {
        "type": "transcript_update",
        "id": COMMAND_ID,
        "payload": {"text": "A table for two.", "speaker": "user", "is_final": True},
    },
    "ai_response": {"type": "ai_response", "payload": {"text": "At seven?", "is_final": True}},
    "speech_event": {"type": "speech_event", "payload": {"event": "started", "actor": "user"}},
}
"""By the type of the frame."""
