"""The JSON of requests and answers, beside the views that answers are made of."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Raw, Struct, field

from app.queries import DEFAULT_PAGE_ROWS, MAX_FILTER_CHARACTERS, MAX_PAGE_ROWS, MAX_VERSION, Order
from app.views import ConversationView, EventView, MessageView
from domain.conversation.commands import EndConversation, StartConversation
from domain.conversation.limits import MetadataChange, Note, Rating, Timestamp
from domain.conversation.transitions import State
from domain.conversation.values import FeedbackScale, Role
from domain.ids import GivenCommandId, GivenConversationId

Item = TypeVar("Item")
Filter = Annotated[str, Meta(max_length=MAX_FILTER_CHARACTERS)]
Limit = Annotated[int, Meta(ge=1, le=MAX_PAGE_ROWS, description="How many at most.")]
Version = Annotated[int, Meta(ge=1, le=MAX_VERSION, description="A version of the conversation.")]
Moment = Annotated[datetime, Meta(tz=True, description="A time: before the first event that occurred later.")]
Cursor = Annotated[int, Meta(ge=0, le=MAX_VERSION, description="The version of an event.")]
MinPosition = Annotated[
    int,
    Meta(
        ge=0,
        le=MAX_VERSION,
        description="The `position` of a write that the list shall show: it is waited for, but not for long. "
        "A list that has not come to it says so with the header `Turnlog-Stale: true`.",
    ),
]
After = Annotated[str, Meta(description="An id of this list: what comes after it, in the order asked for.")]
Before = Annotated[str, Meta(description="An id of this list: what comes before it, in the order asked for.")]


class StartBody(StartConversation, frozen=True, kw_only=True, tag=False):
    """A conversation without an `id` gets that of its command."""

    id: GivenConversationId | None = None


class EndBody(EndConversation, frozen=True, kw_only=True, tag=False):
    """Why it ends."""


class FeedbackBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody thinks of a message. Without a `scale` it is the one that has the rating; both have 1."""

    rating: Rating
    scale: FeedbackScale | None = None
    comment: Note | None = None


class MetadataBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Merged into what is there; a null takes the key away."""

    metadata: MetadataChange


class CommandBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any command. `id` is its idempotency key; with an `expected_version` it is done on that version or not at all."""

    name: str
    payload: Raw = field(default_factory=lambda: Raw(b"{}"))
    id: GivenCommandId | None = None
    expected_version: Annotated[int, Meta(ge=0, le=MAX_VERSION)] | None = None


class ConversationAnswer(Struct, frozen=True, kw_only=True):
    """The conversation after the write. `position` is that of the write in the whole store."""

    conversation: ConversationView
    version: int
    position: int


class MessageAnswer(Struct, frozen=True, kw_only=True):
    """The message, and the conversation after it."""

    message: MessageView
    conversation: ConversationView
    version: int
    position: int


class CommandAnswer(Struct, frozen=True, kw_only=True):
    """What the command made happen, and the conversation after it. No events: its wish was true already."""

    events: tuple[EventView, ...]
    conversation: ConversationView
    version: int
    position: int


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A piece of a list. `has_more`: there is more in the direction of the cursor."""

    data: tuple[Item, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ConversationParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At which point of its history the conversation is asked for: at the newest where nothing is said."""

    at_version: Version | None = None
    at: Moment | None = None


class ConversationsParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every filter that is given must match. Ranges include their beginning and not their end."""

    user_id: Filter | None = None
    state: State | None = None
    is_active: bool | None = None
    started_from: Timestamp | None = None
    started_until: Timestamp | None = None
    ended_from: Timestamp | None = None
    ended_until: Timestamp | None = None
    metadata: Annotated[dict[str, str], Meta(description="`metadata[plan]=gold`: has this key with this value.")] = {}
    limit: Limit = DEFAULT_PAGE_ROWS
    order: Order = "desc"
    after: After | None = None
    before: Before | None = None
    min_position: MinPosition | None = None


class MessagesParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `at_version` or `at` the messages come as they were then, and no `min_position` is waited for."""

    role: Role | None = None
    at_version: Version | None = None
    at: Moment | None = None
    limit: Limit = DEFAULT_PAGE_ROWS
    order: Order = "asc"
    after: After | None = None
    before: Before | None = None
    min_position: MinPosition | None = None


class EventsParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`after` and `before` are versions, so that a reader can go on from the `seq` of a socket."""

    limit: Limit = DEFAULT_PAGE_ROWS
    order: Order = "asc"
    after: Cursor | None = None
    before: Cursor | None = None


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """A route that takes none."""
