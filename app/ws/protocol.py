"""The wire protocol `conv.v1`: the envelope, the payloads and the close codes, as data.

Durable messages carry `seq`, the version of the event behind them. Ephemeral ones (`seq` null) are broadcast only:
interim transcripts and answer deltas are replaced by what is durable, and may be lost.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from domain.conversation.values import Usage

SUBPROTOCOL: Final = "conv.v1"
HEARTBEAT_INTERVAL_MS: Final = 25_000
COME_BACK_AFTER_MS: Final = 5_000
"""What those are told whom the service cannot take now."""
HANDSHAKE_TIMEOUT_S: Final = 5.0
MAX_REPLAY_EVENTS: Final = 500
MAX_FRAME_BYTES: Final = 64 * 1024
MAX_MALFORMED_FRAMES: Final = 3
SNAPSHOT_MESSAGES: Final = 50
SNAPSHOT_MAX_BYTES: Final = 512 * 1024

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

    type: Annotated[MessageType, Meta(description="What the payload is about.")]
    conversation_id: Annotated[
        str | None, Meta(description="Null only in the feed of a tenant, for what the connection itself is told.")
    ]
    epoch: Annotated[
        str,
        Meta(
            description="The incarnation of the events, within which a `seq` has its meaning. Changes after a restore."
        ),
    ]
    ts: Annotated[
        datetime, Meta(tz=True, description="When it happened, in UTC. For information only: order is told by `seq`.")
    ]
    seq: Annotated[
        int | None, Meta(description="The version of the event behind the message; null for what is not durable.")
    ]
    payload: Annotated[Struct, Meta(description="By `type`.")]
    id: Annotated[str | None, Meta(description="Of a durable message, the same on every replay.")] = None
    prev: Annotated[
        int | None, Meta(description="The `seq` of the durable message before this one; absent without a `seq`.")
    ] = None
    part: Annotated[
        tuple[int, int] | None,
        Meta(description="`[i, n]`: this is message i of the n that one event gives. Absent when it gives one."),
    ] = None
    final: Annotated[bool, Meta(description="False for an interim message; absent when true.")] = True
    key: Annotated[
        str | None,
        Meta(description="Of an interim message: a later one of the same `type` and `key` replaces or continues it."),
    ] = None
    rev: Annotated[int | None, Meta(description="Of an interim message with a `key`: rises with each of them.")] = None
    correlation_id: Annotated[
        str | None, Meta(description="What caused it: the caller's correlation id, or else the id of the command.")
    ] = None
    trace: Annotated[str | None, Meta(description="The W3C `traceparent` of the command.")] = None
    position: Annotated[
        int | None,
        Meta(description="In the feed of a tenant: the position of the event among those of all conversations."),
    ] = None
    prev_position: Annotated[
        int | None, Meta(description="In the feed of a tenant: the `position` of the durable message before this one.")
    ] = None
    replay: Annotated[
        bool,
        Meta(description="True for everything on a socket of a replay: it has happened before; absent when false."),
    ] = False


class StateUpdate(Struct, kw_only=True, frozen=True, omit_defaults=True, rename={"from_state": "from"}):
    """`reason` is the tag of the event. `data` is what else the event says, where no other message carries it."""

    from_state: Annotated[str | None, Meta(description="The state before; null when the conversation begins.")]
    to: Annotated[str | None, Meta(description="The state after the event.")]
    status: Annotated[
        str | None, Meta(description="The state in the words of older clients: also `WAITING_FOR_USER` and `ERROR`.")
    ]
    reason: Annotated[str, Meta(description="The event.")]
    turn: Annotated[int, Meta(description="The number of the turn, from 1; 0 before the first.")]
    allowed: Annotated[tuple[str, ...], Meta(description="The commands that are legal now.")]
    data: Annotated[
        dict[str, Any] | None, Meta(description="What else the event says, where no other message of it does.")
    ] = None


class Snapshot(Struct, kw_only=True, frozen=True, omit_defaults=True, rename={"from_state": "from"}):
    """The `state_update` that begins a fresh connection: the conversation as of `as_of_seq`."""

    from_state: Annotated[str | None, Meta(description="As `to`.")]
    to: Annotated[str | None, Meta(description="The state.")]
    status: Annotated[
        str | None, Meta(description="The state in the words of older clients: also `WAITING_FOR_USER` and `ERROR`.")
    ]
    reason: Literal["snapshot"]
    turn: Annotated[int, Meta(description="The number of the turn, from 1; 0 before the first.")]
    allowed: Annotated[tuple[str, ...], Meta(description="The commands that are legal now.")]
    as_of_seq: Annotated[int, Meta(description="The version that the snapshot shows: where to resume after it.")]
    messages: Annotated[tuple["SnapshotMessage", ...], Meta(description="The last 50, oldest first.")]
    interims: Annotated[
        tuple["OpenInterim", ...], Meta(description="What is being said or answered at this moment.")
    ] = ()


class SnapshotMessage(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A recent message, oldest first."""

    message_id: str
    role: str
    text: str
    seq: Annotated[int, Meta(description="The version that the message came with.")]
    interrupted: Annotated[bool, Meta(description="The user spoke over it.")] = False
    heard_text: Annotated[str | None, Meta(description="What the user had heard of it by then.")] = None


class OpenInterim(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What is being said or answered at this moment, as one interim message would tell it."""

    type: Annotated[MessageType, Meta(description="Of the message that it stands for.")]
    key: Annotated[str, Meta(description="As in the envelope.")]
    rev: Annotated[int | None, Meta(description="As in the envelope.")] = None
    payload: Struct


class TranscriptUpdate(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A piece of what was said. A user interface replaces by `segment_id`, it never appends."""

    text: Annotated[str, Meta(description="The whole text of the segment so far, not only what is new.")]
    is_final: Annotated[bool, Meta(description="True for what is stored.")]
    speaker: Annotated[str, Meta(description="The role of the message: `user`, `system`, `developer` or `tool`.")] = (
        "user"
    )
    segment_id: Annotated[
        str | None, Meta(description="What an interim text is replaced by, and the last segment of a final one.")
    ] = None
    segment_ids: Annotated[
        tuple[str, ...], Meta(description="The segments that the final text was made of: their interim texts are over.")
    ] = ()
    revision: Annotated[int | None, Meta(description="Of an interim text: rises; the higher one counts.")] = None
    confidence: Annotated[float | None, Meta(description="0 to 1.")] = None
    start_ms: Annotated[int | None, Meta(description="From the beginning of the audio.")] = None
    end_ms: Annotated[int | None, Meta(description="From the beginning of the audio.")] = None
    message_id: Annotated[str | None, Meta(description="Of the stored message.")] = None
    queued: Annotated[bool, Meta(description="The message waits until the agent's turn is over.")] = False


class AnswerDelta(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Interim: `delta` stands at character `offset` of the answer."""

    response_id: Annotated[str, Meta(description="The answer that it is a piece of.")]
    offset: Annotated[int, Meta(description="Characters (code points) of the answer before this piece.")]
    delta: Annotated[str, Meta(description="The piece.")]
    message_id: Annotated[str | None, Meta(description="That the answer will be stored under, where it is known.")] = (
        None
    )


class Answer(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Final: the whole answer, or what there was of it when it was interrupted."""

    message_id: str
    text: Annotated[str, Meta(description="The answer in full, or what was generated of it when it was interrupted.")]
    response_id: Annotated[str | None, Meta(description="Whose pieces are replaced by this text.")] = None
    finish_reason: Annotated[str | None, Meta(description="Why the model stopped.")] = None
    interrupted: Annotated[bool, Meta(description="The user spoke over it.")] = False
    heard_text: Annotated[str | None, Meta(description="What the user had heard of it by then.")] = None
    usage: Usage | None = None
    audio_url: str | None = None


class SpeechEvent(Struct, kw_only=True, frozen=True, omit_defaults=True):
    event: Literal["started", "stopped", "interrupted", "resumed", "playback_progress"]
    actor: Annotated[str | None, Meta(description="Who: `user` or `agent`.")] = None
    at_ms: Annotated[int | None, Meta(description="From the beginning of the audio.")] = None


class ErrorPayload(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """`retryable`: the same again may succeed. `fatal`: the socket closes after it."""

    code: Annotated[str, Meta(description="Stable: the codes of REST, and `rate_limited`. Programs decide by it.")]
    message: Annotated[str, Meta(description="For people. It may change.")]
    retryable: Annotated[bool, Meta(description="The same again may succeed.")]
    fatal: Annotated[bool, Meta(description="The socket is closed after it.")]
    retry_after_ms: Annotated[int | None, Meta(description="How long to wait before trying again.")] = None
    field: Annotated[str | None, Meta(description="The path of the field that has to change.")] = None
    command_id: Annotated[str | None, Meta(description="The `id` of the command that is refused.")] = None
    state: Annotated[str | None, Meta(description="Of the conversation, when it was refused.")] = None
    version: Annotated[int | None, Meta(description="Of the conversation, when it was refused.")] = None
    allowed: Annotated[tuple[str, ...] | None, Meta(description="The commands that would be legal.")] = None


class Resume(Struct, kw_only=True, frozen=True):
    """What the server can give of what was asked for. `after` is where the `prev` chain begins."""

    outcome: Annotated[
        ResumeOutcome,
        Meta(description="`resumed`: all that was missed follows. Otherwise a snapshot does, but not in the feed."),
    ]
    after: Annotated[
        int,
        Meta(
            description="Where the chain of `prev` begins: the first durable message has this `prev`, in the feed this "
            "`prev_position`."
        ),
    ]
    head: Annotated[
        int, Meta(description="The version of the conversation, in the feed a position: the replay ends with it.")
    ]
    epoch: Annotated[str, Meta(description="To be given with `after` when the client comes back.")]
    replay_count: Annotated[int, Meta(description="How many messages come before `live`.")]


class Replay(Struct, kw_only=True, frozen=True):
    """What the socket of a replay tells: the events after `resume.after` up to `resume.head`."""

    speed: Annotated[
        float | None, Meta(description="By which pauses are divided; null for none: as fast as the client takes it.")
    ]
    events: Annotated[int, Meta(description="How many events are replayed; each gives one message or more.")]
    max_pause_ms: Annotated[
        int, Meta(description="Longer pauses of the conversation are cut to this, before the speed divides them.")
    ]


class Ready(Struct, kw_only=True, frozen=True, tag="ready", tag_field="status"):
    connection_id: Annotated[str, Meta(description="For logs and questions to those who run the service.")]
    heartbeat_interval_ms: Annotated[int, Meta(description="After so much silence a heartbeat is sent.")]
    heartbeat_timeout_ms: Annotated[
        int, Meta(description="After so much silence the client gives the connection up, and resumes.")
    ]
    limits: Annotated[dict[str, float], Meta(description="By name; the unit is in the name.")]
    session_expires_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None, Meta(description="When the credentials end; null when they do not.")
    ]
    resume: Resume
    replay: Annotated[
        Replay | UnsetType, Meta(description="On the socket of a replay, which has no snapshot and no `live`.")
    ] = UNSET


class Live(Struct, kw_only=True, frozen=True, tag="live", tag_field="status"):
    """The replay is complete: everything up to `head` was sent."""

    head: Annotated[int, Meta(description="The version of the conversation; in the feed, a position.")]


class ReplayOver(Struct, kw_only=True, frozen=True, tag="replay_over", tag_field="status"):
    """The replay is complete: everything up to `head` was sent. The close follows."""

    head: Annotated[int, Meta(description="The version that the replay ends with.")]


class Heartbeat(Struct, kw_only=True, frozen=True, tag="heartbeat", tag_field="status"):
    """A client of a conversation whose last `seq` is below `head` has lost its tail and resumes. A client of the feed
    has been sent all that it wants up to `head`, and may resume from there."""

    head: Annotated[int, Meta(description="The version of the conversation; in the feed, a position.")]
    server_time: Annotated[datetime, Meta(tz=True, description="In UTC.")]


class Draining(Struct, kw_only=True, frozen=True, tag="draining", tag_field="status"):
    """The service restarts: the socket will be closed with 1012, and the client comes back `after_ms` after that."""

    after_ms: Annotated[
        int, Meta(description="How long to wait after the close before coming back, so that not all come at once.")
    ]


class Closing(Struct, kw_only=True, frozen=True, tag="closing", tag_field="status"):
    code: Annotated[int, Meta(description="The close code that follows.")]
    action: Annotated[ClientAction, Meta(description="What the client does about it.")]
    after_ms: Annotated[int | None, Meta(description="How long to wait before coming back.")] = None


class Ack(Struct, kw_only=True, frozen=True):
    """The command is durable. `version` is what the conversation was left at."""

    command_id: Annotated[str, Meta(description="The `id` of the command, or the one that was made for it.")]
    version: Annotated[int, Meta(description="Of the conversation after the command: the `seq` of its last event.")]
    position: Annotated[int, Meta(description="The place of that event among those of all conversations.")]
    durable: Annotated[bool, Meta(description="Always true: it is on disk.")]
    replayed: Annotated[bool, Meta(description="The command had taken effect before; this is its first outcome again.")]


class Pong(Struct, kw_only=True, frozen=True, tag="pong", tag_field="status"):
    n: Annotated[int | None, Meta(description="The number of the ping.")] = None


class CloseCode(Struct, frozen=True):
    """What a close code means and what the client does about it. The name is the close reason."""

    code: int
    name: str
    action: ClientAction
    meaning: str


CLOSE_CODES: Final = (
    CloseCode(1000, "normal", "stop", "The conversation, or its replay, is over for this client."),
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
