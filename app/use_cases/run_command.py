"""The one way to write: load the conversation, decide, append, evolve. The same for REST, WebSocket and import."""

from collections.abc import Callable
from hashlib import blake2b
from typing import TypeGuard

import msgspec
from msgspec import Struct

from app.aggregates import AggregateCache, Held
from app.histories import Histories
from app.principal import Principal
from domain.conversation.commands import RECORDING_COMMANDS, Command
from domain.conversation.conversation import Conversation
from domain.conversation.decider import decide
from domain.conversation.errors import Refusal
from domain.conversation.events import Event
from domain.conversation.evolution import fold
from domain.conversation.transitions import State
from domain.envelope import Issued, Origin
from domain.errors import CommandRepeated, IdempotencyMismatch, Overloaded, TurnlogError, VersionConflict
from domain.ids import CommandId, ConversationId, EventId
from domain.ports import Append, Clock, EventStore, IdSource, RecordedEvent

MAX_WAITING_COMMANDS = 256
"""Of one conversation in one process; more are refused as `overloaded`."""

MAX_REDECISIONS = 3
MAX_RECORDING_REDECISIONS = 100

Choose = Callable[[Conversation], Command | None]
"""Picks the command by the state, for callers whose wish means different commands in different states; none where the
wish is true already. A conversation that does not exist is asked too, and needs a command, which is refused."""

_encoder = msgspec.json.Encoder()


class CommandRequest(Struct, frozen=True, kw_only=True):
    """What a caller asks for. `body` is what the command id stands for: the same id with another body is refused.

    Without a `command_id` the request gets one of its own and cannot be sent again safely.
    """

    principal: Principal
    conversation_id: ConversationId
    body: Struct
    choose: Choose
    command_id: CommandId | None = None
    expected_version: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


class CommandResult(Struct, frozen=True, kw_only=True):
    """`conversation` is at the version that the command left it at, also when the command was `replayed`.

    No events: the wish was true already. `position` is at or above that of every event of the conversation so far.
    """

    command_id: CommandId
    events: tuple[RecordedEvent, ...]
    conversation: Conversation
    position: int
    replayed: bool = False


def command_request(
    principal: Principal,
    conversation_id: ConversationId,
    command: Command,
    *,
    command_id: CommandId | None = None,
    expected_version: int | None = None,
    correlation_id: str | None = None,
    traceparent: str | None = None,
) -> CommandRequest:
    """A request for one certain command."""
    return CommandRequest(
        principal=principal,
        conversation_id=conversation_id,
        body=command,
        choose=lambda _conversation: command,
        command_id=command_id,
        expected_version=expected_version,
        correlation_id=correlation_id,
        traceparent=traceparent,
    )


class RunCommand:
    """Run one command to its durable end. One at a time for each conversation of this process."""

    def __init__(
        self, store: EventStore, histories: Histories, aggregates: AggregateCache, clock: Clock, ids: IdSource
    ) -> None:
        self._store = store
        self._histories = histories
        self._aggregates = aggregates
        self._clock = clock
        self._ids = ids

    async def __call__(self, request: CommandRequest) -> CommandResult:
        """Carry the command out, or give the answer that the same command id had before.

        Raises:
            Refusal, VersionConflict, IdempotencyMismatch: the caller has to change something.
            Overloaded, StoreUnavailable, OutcomeUnknown: the caller may send the same command again.
        """
        origin = self._origin(request)
        held = self._aggregates.hold(request.principal.tenant_id, request.conversation_id)
        if held.commands >= MAX_WAITING_COMMANDS:
            raise Overloaded(retry_after_ms=100)
        held.commands += 1
        try:
            async with held.lock:
                return await self._run(request, origin, held)
        finally:
            held.commands -= 1
            self._aggregates.settle(held)

    async def _run(self, request: CommandRequest, origin: Origin, held: Held) -> CommandResult:
        """Decide on what is at hand, at once. Whatever is no success counts only on the newest state."""
        outcome = await self._attempt(request, origin, held)
        if _is_stored(outcome):
            return outcome
        for _ in range(_max_redecisions(request, held)):
            if not await self._refresh(held):
                break
            outcome = await self._attempt(request, origin, held)
            if _is_stored(outcome):
                return outcome
        replayed = await self._replayed(request, origin)
        if replayed is not None:
            return replayed
        if isinstance(outcome, TurnlogError):
            raise outcome
        return outcome

    async def _attempt(self, request: CommandRequest, origin: Origin, held: Held) -> CommandResult | TurnlogError:
        conversation = held.conversation
        if request.expected_version is not None and request.expected_version != conversation.version:
            return VersionConflict(conversation.id, request.expected_version, conversation.version)
        try:
            command = request.choose(conversation)
            events = () if command is None else decide(Issued(command=command, origin=origin), conversation)
            if not events:
                return _result(origin, (), conversation, held.position)
            if conversation.state is State.ENDED and (replayed := await self._replayed(request, origin)):
                return replayed  # it may be in the archive, where no append sees that its id was used before
            recorded = await self._store.append(self._append_of(events, origin, conversation))
        except (Refusal, VersionConflict, CommandRepeated) as refused:
            return refused
        held.advance(fold(conversation, recorded), recorded[-1].position)
        self._histories.grown(conversation, held.conversation)
        return _result(origin, recorded, held.conversation, held.position)

    async def _refresh(self, held: Held) -> bool:
        """Take over what others have stored meanwhile; whether there was anything."""
        before = held.conversation
        held.advance(*await self._histories.newest(before, held.position))
        return held.conversation.version > before.version

    async def _replayed(self, request: CommandRequest, origin: Origin) -> CommandResult | None:
        """The answer that the same command had when it was stored, if it was."""
        if request.command_id is None:
            return None
        tenant_id = request.principal.tenant_id
        events = await self._store.find_command(tenant_id, request.command_id)
        if not events:
            return None
        first, last = events[0], events[-1]
        if first.conversation_id != request.conversation_id or first.origin.digest != origin.digest:
            raise IdempotencyMismatch(request.command_id)
        history = await self._histories.load(tenant_id, request.conversation_id, until=last.version)
        return _result(origin, events, history.conversation(), last.position, replayed=True)

    def _origin(self, request: CommandRequest) -> Origin:
        body = _encoder.encode((request.conversation_id, request.body))
        return Origin(
            command_id=request.command_id or CommandId(self._ids.new_id()),
            occurred_at=self._clock.now(),
            actor=request.principal.actor,
            digest=blake2b(body, digest_size=16).hexdigest(),
            correlation_id=request.correlation_id,
            causation_id=request.causation_id,
            traceparent=request.traceparent,
        )

    def _append_of(self, events: tuple[Event, ...], origin: Origin, conversation: Conversation) -> Append:
        return Append(
            tenant_id=conversation.tenant_id,
            conversation_id=conversation.id,
            expected_version=conversation.version,
            origin=origin,
            events=events,
            event_ids=tuple([EventId(self._ids.new_id()) for _ in events]),
        )


def _is_stored(outcome: CommandResult | TurnlogError) -> TypeGuard[CommandResult]:
    return isinstance(outcome, CommandResult) and bool(outcome.events)


def _max_redecisions(request: CommandRequest, held: Held) -> int:
    """Who only records is never wrong on a newer state, so it may try as often as it takes."""
    records_only = isinstance(request.choose(held.conversation), RECORDING_COMMANDS)
    return MAX_RECORDING_REDECISIONS if records_only else MAX_REDECISIONS


def _result(
    origin: Origin,
    events: tuple[RecordedEvent, ...],
    conversation: Conversation,
    position: int,
    *,
    replayed: bool = False,
) -> CommandResult:
    return CommandResult(
        command_id=origin.command_id,
        events=events,
        conversation=conversation,
        position=position,
        replayed=replayed,
    )
