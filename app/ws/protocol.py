"""The wire protocol `conv.v1`: the envelope, the payloads and the close codes, as data.

Durable messages carry `seq`, the version of the event behind them. Ephemeral ones (`seq` null) are broadcast only:
interim transcripts and answer deltas are replaced by what is durable, and may be lost.
"""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from domain.conversation.values import Usage

SUBPROTOCOL: Final = "conv.v1"
HEARTBEAT_INTERVAL_MS: Final = 25_000
HANDSHAKE_TIMEOUT_S: Final = 5.0
MAX_REPLAY_EVENTS: Final = 500
MAX_FRAME_BYTES: Final = 64 * 1024
MAX_MALFORMED_FRAMES: Final = 3
SNAPSHOT_MESSAGES: Final = 50

MessageType = Literal[
    "state_update", "transcript_update", "ai_response", "speech_event", "error", "connection_status", "ack"
]
ResumeOutcome = Literal["fresh", "resumed", "gap"]
ClientAction = Literal["resume", "reconnect", "refresh_token", "stop"]


class Envelope(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One JSON object in a text frame, the same for every type of message.

    `prev` is the `seq` of the durable message before this one: a client that sees another number there has a hole.
    `part` is `[i, n]` where one event gives n messages. Messages that are not `final` are replaced by a later one of
    the same `type` and `key`. In the feed of a tenant `position` and `prev_position` do for the whole connection what
    `seq` and `prev` do for one conversation, and what the connection itself is told has no `conversation_id`.
    """

    type: MessageType
    conversation_id: str | None
    epoch: str
    ts: datetime
    seq: int | None
    payload: Struct
    id: str | None = None
    prev: int | None = None
    part: tuple[int, int] | None = None
    final: bool = True
    key: str | None = None
    rev: int | None = None
    correlation_id: str | None = None
    trace: str | None = None
    position: int | None = None
    prev_position: int | None = None


class StateUpdate(Struct, kw_only=True, frozen=True, omit_defaults=True, rename={"from_state": "from"}):
    """`reason` is the tag of the event. `data` is what else the event says, where no other message carries it."""

    from_state: str | None
    to: str | None
    status: str | None
    reason: str
    turn: int
    allowed: tuple[str, ...]
    data: dict[str, Any] | None = None


class Snapshot(Struct, kw_only=True, frozen=True, omit_defaults=True, rename={"from_state": "from"}):
    """The `state_update` that begins a fresh connection: the conversation as of `as_of_seq`."""

    from_state: str | None
    to: str | None
    status: str | None
    reason: Literal["snapshot"]
    turn: int
    allowed: tuple[str, ...]
    as_of_seq: int
    messages: tuple["SnapshotMessage", ...]
    interims: tuple["OpenInterim", ...] = ()


class SnapshotMessage(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A recent message, oldest first."""

    message_id: str
    role: str
    text: str
    seq: int
    interrupted: bool = False
    heard_text: str | None = None


class OpenInterim(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What is being said or answered at this moment, as one interim message would tell it."""

    type: MessageType
    key: str
    rev: int | None = None
    payload: Struct


class TranscriptUpdate(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A piece of what was said. A user interface replaces by `segment_id`, it never appends."""

    text: str
    is_final: bool
    speaker: str = "user"
    segment_id: str | None = None
    segment_ids: tuple[str, ...] = ()
    revision: int | None = None
    confidence: float | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    message_id: str | None = None
    queued: bool = False


class AnswerDelta(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Interim: `delta` stands at character `offset` of the answer."""

    response_id: str
    offset: int
    delta: str
    message_id: str | None = None


class Answer(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Final: the whole answer, or what there was of it when it was interrupted."""

    message_id: str
    text: str
    response_id: str | None = None
    finish_reason: str | None = None
    interrupted: bool = False
    heard_text: str | None = None
    usage: Usage | None = None
    audio_url: str | None = None


class SpeechEvent(Struct, kw_only=True, frozen=True, omit_defaults=True):
    event: Literal["started", "stopped", "interrupted", "resumed", "playback_progress"]
    actor: str | None = None
    at_ms: int | None = None


class ErrorPayload(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """`retryable`: the same again may succeed. `fatal`: the socket closes after it."""

    code: str
    message: str
    retryable: bool
    fatal: bool
    retry_after_ms: int | None = None
    field: str | None = None
    command_id: str | None = None
    state: str | None = None
    version: int | None = None
    allowed: tuple[str, ...] | None = None


class Resume(Struct, kw_only=True, frozen=True):
    """What the server can give of what was asked for. `after` is where the `prev` chain begins."""

    outcome: ResumeOutcome
    after: int
    head: int
    epoch: str
    replay_count: int


class Ready(Struct, kw_only=True, frozen=True, tag="ready", tag_field="status"):
    connection_id: str
    heartbeat_interval_ms: int
    heartbeat_timeout_ms: int
    limits: dict[str, int]
    session_expires_at: datetime | None
    resume: Resume


class Live(Struct, kw_only=True, frozen=True, tag="live", tag_field="status"):
    """The replay is complete: everything up to `head` was sent."""

    head: int


class Heartbeat(Struct, kw_only=True, frozen=True, tag="heartbeat", tag_field="status"):
    """A client whose last `seq` is below `head` has lost its tail and resumes."""

    head: int
    server_time: datetime


class Draining(Struct, kw_only=True, frozen=True, tag="draining", tag_field="status"):
    """The service restarts: the socket will be closed with 1012, and the client comes back `after_ms` after that."""

    after_ms: int


class Closing(Struct, kw_only=True, frozen=True, tag="closing", tag_field="status"):
    code: int
    action: ClientAction
    after_ms: int | None = None


class Ack(Struct, kw_only=True, frozen=True):
    """The command is durable. `version` is what the conversation was left at."""

    command_id: str
    version: int
    position: int
    durable: bool
    replayed: bool


class Pong(Struct, kw_only=True, frozen=True, tag="pong", tag_field="status"):
    n: int | None = None


class CloseCode(Struct, frozen=True):
    """What a close code means and what the client does about it. The name is the close reason."""

    code: int
    name: str
    action: ClientAction
    meaning: str


CLOSE_CODES: Final = (
    CloseCode(1000, "normal", "stop", "The conversation is over for this client."),
    CloseCode(1001, "going_away", "resume", "The other side goes away; come back unless you meant it."),
    CloseCode(1003, "unsupported_data", "stop", "A binary frame: the protocol has only text frames."),
    CloseCode(1007, "invalid_text", "stop", "A text frame that is not UTF-8."),
    CloseCode(1009, "too_large", "stop", "A frame of more than 64 KiB."),
    CloseCode(1011, "server_fault", "resume", "A keepalive was not answered, or the server failed; wait, come back."),
    CloseCode(1012, "service_restart", "resume", "The service restarts; come back after the announced `after_ms`."),
    CloseCode(1013, "overloaded", "resume", "The service has too much to do; come back after 5 seconds or more."),
    CloseCode(4400, "bad_message", "stop", "Three frames could not be understood, or the query could not."),
    CloseCode(4401, "unauthenticated", "refresh_token", "Who you are is not known; come back with a new token."),
    CloseCode(4403, "forbidden", "stop", "You may not do this."),
    CloseCode(4404, "not_found", "stop", "There is no such conversation, or it is not yours."),
    CloseCode(4406, "unsupported_protocol", "stop", "None of the offered subprotocols is spoken here."),
    CloseCode(4408, "handshake_timeout", "resume", "The connection was not ready in time; wait and come back."),
    CloseCode(4409, "replaced", "stop", "Another connection of yours has taken the place of this one."),
    CloseCode(4410, "gone", "stop", "The conversation has been erased."),
    CloseCode(4412, "position_lost", "resume", "This connection cannot go on without a hole; come back with `after`."),
    CloseCode(4419, "token_expired", "refresh_token", "The token is no longer good; come back with a new one."),
    CloseCode(4429, "rate_limited", "resume", "Too many frames in too little time; come back after `retry_after_ms`."),
    CloseCode(4499, "slow_consumer", "resume", "The client reads too slowly; nothing durable was dropped, come back."),
    CloseCode(4500, "internal", "resume", "The server failed; wait and come back."),
)
"""The close codes of the protocol. Clients treat an unknown 44xx as `stop` and anything else as `resume`."""

_CODES: Final = {row.name: row for row in CLOSE_CODES}


def close_code(name: str) -> CloseCode:
    """The row of that name."""
    return _CODES[name]
