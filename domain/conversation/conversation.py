"""The state that the events of one conversation fold into, and what is derived from it."""

import re
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

from msgspec import Struct

from domain.conversation import commands as c
from domain.conversation.events import UserMessageQueued
from domain.conversation.transitions import OPENINGS, Source, State, may_happen
from domain.conversation.values import EndedReason, Metadata, OnBusy, Policies
from domain.ids import UUID_PATTERN, ConversationId, MessageId, TenantId

_SEALED_CHUNK_MESSAGES = 64
_UUID_BYTES = 16
_UUID = re.compile(UUID_PATTERN)


class SealedIds(Struct, frozen=True, dict=True):
    """A chunk that is full: 16 bytes for each id that is a UUID, as those of callers are, and the others as they are.

    It is taken apart when it is first asked, which reading a conversation never does.
    """

    packed: bytes = b""
    others: tuple[str, ...] = ()

    @cached_property
    def uuids(self) -> frozenset[bytes]:
        """Each in its 16 bytes."""
        return frozenset(self.packed[start : start + _UUID_BYTES] for start in range(0, len(self.packed), _UUID_BYTES))

    def __len__(self) -> int:
        return len(self.packed) // _UUID_BYTES + len(self.others)


class MessageIds(Struct, frozen=True):
    """The ids of a conversation's messages. Adding copies one small chunk, however many there are."""

    sealed: tuple[SealedIds, ...] = ()
    recent: tuple[MessageId, ...] = ()

    def __contains__(self, message_id: object) -> bool:
        if message_id in self.recent:
            return True
        packed = _packed(message_id) if self.sealed and isinstance(message_id, str) else None
        if packed is None:
            return any(message_id in chunk.others for chunk in self.sealed)
        return any(packed in chunk.uuids for chunk in self.sealed)

    def __len__(self) -> int:
        return _SEALED_CHUNK_MESSAGES * len(self.sealed) + len(self.recent)

    def adding(self, message_id: MessageId) -> "MessageIds":
        """These ids and one more."""
        recent = (*self.recent, message_id)
        if len(recent) < _SEALED_CHUNK_MESSAGES:
            return MessageIds(self.sealed, recent)
        packed = [_packed(one) for one in recent]
        others = tuple(one for one, uuid in zip(recent, packed, strict=True) if uuid is None)
        return MessageIds((*self.sealed, SealedIds(b"".join(filter(None, packed)), others)))


def _packed(message_id: str) -> bytes | None:
    return bytes.fromhex(message_id.replace("-", "")) if _UUID.fullmatch(message_id) else None


class Response(Struct, frozen=True):
    """The answer in progress. `resumed` says that a false interruption has made its message exist already."""

    response_id: str
    message_id: MessageId
    model: str | None = None
    provider: str | None = None
    resumed: bool = False


class Fault(Struct, frozen=True, kw_only=True):
    """Why the last turn failed; stands until the next turn begins."""

    code: str
    message: str
    retryable: bool


class Status(StrEnum):
    """What older clients know as the state. Derived, never stored."""

    IDLE = "IDLE"
    LISTENING = "LISTENING"
    PROCESSING = "PROCESSING"
    SPEAKING = "SPEAKING"
    WAITING_FOR_USER = "WAITING_FOR_USER"
    ERROR = "ERROR"
    ENDED = "ENDED"


_STATUS_OF_STATE = {state: Status(state) for state in State}


class Conversation(Struct, frozen=True, kw_only=True):
    """One conversation at one version. `version` is the number of its events; 0 and no state before the first.

    `turn` is the number of user messages that opened a turn. `interrupted` is the answer that a barge-in cut off and
    that may still resume. `over_response_id` is the answer that was over last: it cannot answer a later turn. `queue`
    holds messages that wait for the end of the turn, oldest first.
    """

    id: ConversationId
    tenant_id: TenantId
    version: int = 0
    state: Source = None
    turn: int = 0
    user_id: str | None = None
    agent: str | None = None
    channel: str | None = None
    language: str | None = None
    metadata: Metadata = {}
    parent_id: ConversationId | None = None
    policies: Policies = Policies()
    started_at: datetime | None = None
    last_activity_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: EndedReason | None = None
    response: Response | None = None
    interrupted: Response | None = None
    over_response_id: str | None = None
    queue: tuple[UserMessageQueued, ...] = ()
    open_tool_calls: tuple[str, ...] = ()
    fault: Fault | None = None
    answered: bool = False
    message_ids: MessageIds = MessageIds()

    @property
    def message_count(self) -> int:
        return len(self.message_ids)

    @property
    def is_active(self) -> bool:
        return self.state not in (None, State.ENDED)

    @property
    def duration_seconds(self) -> float | None:
        """From start to end; null while it lives, never negative though clocks may jump."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - self.started_at).total_seconds())


def status(conversation: Conversation) -> Status | None:
    """The seven-valued state of older clients."""
    if conversation.state is None:
        return None
    if conversation.state is State.IDLE and conversation.fault is not None:
        return Status.ERROR
    if conversation.state is State.IDLE and conversation.answered:
        return Status.WAITING_FOR_USER
    return _STATUS_OF_STATE[conversation.state]


def allowed(conversation: Conversation) -> tuple[str, ...]:
    """The names of the commands that are legal now, in the order of the table.

    `record_message` is not promised after the end, although a late one is taken for a while.
    """
    return _allowed(
        conversation.state,
        conversation.policies.on_busy,
        conversation.interrupted is not None,
        conversation.fault is not None and conversation.fault.retryable,
        bool(conversation.open_tool_calls),
    )


@lru_cache(maxsize=256)
def _allowed(
    state: Source, on_busy: OnBusy, can_resume: bool, can_retry: bool, tool_call_open: bool
) -> tuple[str, ...]:
    agent_has_turn = state in (State.PROCESSING, State.SPEAKING)
    refused_by_the_rest = {
        c.ResumeSpeech: not can_resume,
        c.RetryTurn: not can_retry,
        c.CompleteToolCall: not tool_call_open,
        c.RecordMessage: state is State.ENDED,
    }
    taken_by_policy = {
        c.StartListening: state is State.PROCESSING and on_busy == "interrupt",
        c.SubmitUserMessage: agent_has_turn and on_busy != "reject",
    }
    return tuple(
        c.name_of(command)
        for command, openings in OPENINGS.items()
        if (any(may_happen(event, state) for event in openings) or taken_by_policy.get(command, False))
        and not refused_by_the_rest.get(command, False)
    )
