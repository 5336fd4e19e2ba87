"""What travels around a command on its way in, and around an event on its way out."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

from domain.ids import CommandId, ConversationId, EventId, TenantId

ActorType = Literal["user", "agent", "system", "admin"]


class Actor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acts. `client_id` tells two tabs of one user apart."""

    type: ActorType = "user"
    id: Annotated[str, Meta(max_length=255)] | None = None
    client_id: Annotated[str, Meta(max_length=255)] | None = None


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a command comes from; stored beside each of its events.

    `occurred_at` is the wall clock of the node that took the command in (UTC): information, never an order.
    `digest` is a hash of the command's body: the same command id with another digest is a mistake of the caller.
    """

    command_id: CommandId
    occurred_at: datetime
    actor: Actor
    digest: str
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


C_co = TypeVar("C_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


class Issued(Struct, Generic[C_co], frozen=True, kw_only=True):
    """A command on its way into the domain."""

    command: C_co
    origin: Origin


class Recorded(Struct, Generic[E_co], frozen=True, kw_only=True):
    """An event as the store keeps it.

    `version` counts the conversation's events from 1 without holes. `position` orders the events of the whole
    store and rises, with holes. `recorded_at` is the database's clock (UTC), equal for all events of one append.
    """

    tenant_id: TenantId
    conversation_id: ConversationId
    version: int
    position: int
    event_id: EventId
    event: E_co
    schema_version: int
    origin: Origin
    recorded_at: datetime
