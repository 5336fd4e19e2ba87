"""The small closed sets and records that commands, events and the conversation share."""

from typing import Literal

from msgspec import Struct

from domain.conversation.limits import PolicySeconds, TokenCount

Metadata = dict[str, str]
Role = Literal["system", "developer", "user", "assistant", "tool"]

EndedReason = Literal[
    "user_ended",
    "agent_ended",
    "idle_timeout",
    "max_duration",
    "client_disconnected",
    "agent_lost",
    "error",
    "server_shutdown",
    "deleted",
]
ListeningSource = Literal["voice", "text", "client"]
ListeningStoppedReason = Literal["silence", "cancelled", "noise"]
InterruptionSource = Literal["barge_in", "user", "programmatic"]
FeedbackScale = Literal["thumbs", "stars"]
OnBusy = Literal["reject", "interrupt", "enqueue"]
OnDisconnect = Literal["end", "keep"]


class Policies(Struct, frozen=True, kw_only=True):
    """How one conversation behaves where there is a choice."""

    on_busy: OnBusy = "reject"
    on_disconnect: OnDisconnect = "end"
    idle_timeout_s: int = 1_800
    max_duration_s: int = 14_400


class Usage(Struct, frozen=True, kw_only=True):
    """What an answer cost, in tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0


class GivenPolicies(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`Policies` as a caller may give them: events keep none of today's limits, so that they stay readable."""

    on_busy: OnBusy = "reject"
    on_disconnect: OnDisconnect = "end"
    idle_timeout_s: PolicySeconds = 1_800
    max_duration_s: PolicySeconds = 14_400


class GivenUsage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`Usage` as a caller may give it."""

    input_tokens: TokenCount = 0
    output_tokens: TokenCount = 0
    cached_input_tokens: TokenCount = 0
    input_audio_tokens: TokenCount = 0
    output_audio_tokens: TokenCount = 0
