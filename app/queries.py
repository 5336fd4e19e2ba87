"""What may be asked of the read tables. A query that cannot be answered cannot be made: building it refuses."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final, Generic, Literal, TypeVar

from msgspec import Struct

from domain.conversation.transitions import State
from domain.conversation.values import Role
from domain.errors import TurnlogError
from domain.ids import UUID_PATTERN, ConversationId, MessageId

MAX_PAGE_ROWS: Final = 100
DEFAULT_PAGE_ROWS: Final = 20
MAX_VERSION: Final = 2**63 - 1
MAX_FILTER_CHARACTERS: Final = 512
MAX_METADATA_FILTERS: Final = 16

_UUID: Final = re.compile(UUID_PATTERN)

Order = Literal["asc", "desc"]
Row = TypeVar("Row")


class InvalidQuery(TurnlogError):
    """A filter or cursor that no row could ever match by its kind. `field` names it, such as `metadata.plan`."""

    code: ClassVar[str] = "invalid_query"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"`{field}` {reason}")
        self.field = field


class RowPage(Struct, Generic[Row], frozen=True):
    """Some rows in the order asked for. `has_more`: there are others further on in the direction of the cursor."""

    rows: tuple[Row, ...]
    has_more: bool


class ConversationQuery(Struct, frozen=True, kw_only=True):
    """Every filter that is given must match. Ranges include their beginning and not their end.

    `metadata` matches conversations that have at least these keys with these values. `after` and `before` are ids of
    conversations, and mean after and before in the order asked for; a row keeps its place for ever.
    """

    user_id: str | None = None
    state: State | None = None
    is_active: bool | None = None
    started_from: datetime | None = None
    started_until: datetime | None = None
    ended_from: datetime | None = None
    ended_until: datetime | None = None
    metadata: Mapping[str, str] = {}
    limit: int = DEFAULT_PAGE_ROWS
    order: Order = "desc"
    after: ConversationId | None = None
    before: ConversationId | None = None

    def __post_init__(self) -> None:
        check_text("user_id", self.user_id)
        for field in ("started_from", "started_until", "ended_from", "ended_until"):
            check_time(field, getattr(self, field))
        _check_metadata(self.metadata)
        check_limit(self.limit)
        _check_cursors(self.after, self.before)


class MessageQuery(Struct, frozen=True, kw_only=True):
    """`after` and `before` are ids of messages, and mean after and before in the order asked for."""

    role: Role | None = None
    limit: int = DEFAULT_PAGE_ROWS
    order: Order = "asc"
    after: MessageId | None = None
    before: MessageId | None = None

    def __post_init__(self) -> None:
        check_limit(self.limit)
        _check_cursors(self.after, self.before)


class StatisticsQuery(Struct, frozen=True, kw_only=True):
    """From `since` on and before `until`. Every filter that is given must match."""

    since: datetime
    until: datetime
    user_id: str | None = None
    agent: str | None = None

    def __post_init__(self) -> None:
        check_time("from", self.since)
        check_time("until", self.until)
        if self.since >= self.until:
            raise InvalidQuery("until", "is not after `from`.")
        check_text("user_id", self.user_id)
        check_text("agent", self.agent)


def is_canonical_uuid(text: str) -> bool:
    """Whether the text can be the id of a row at all."""
    return _UUID.fullmatch(text) is not None


def unknown_cursor(query: ConversationQuery | MessageQuery) -> InvalidQuery:
    """The cursor of the query is the id of no row that the caller may see."""
    return InvalidQuery("before" if query.after is None else "after", "is not the id of anything in this list.")


def check_text(field: str, text: str | None) -> None:
    if text is None:
        return
    if len(text) > MAX_FILTER_CHARACTERS:
        raise InvalidQuery(field, f"has more than {MAX_FILTER_CHARACTERS} characters.")
    if "\0" in text:
        raise InvalidQuery(field, "holds a NUL character, which the store cannot keep.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidQuery(field, "holds half of a surrogate pair, which is no character.") from error


def check_time(field: str, time: datetime | None) -> None:
    if time is None:
        return
    if time.tzinfo is None:
        raise InvalidQuery(field, "has no offset from UTC.")
    try:
        time.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise InvalidQuery(field, "is outside the years 1 to 9999 of UTC.") from error


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) > MAX_METADATA_FILTERS:
        raise InvalidQuery("metadata", f"has more than {MAX_METADATA_FILTERS} keys.")
    for key, value in metadata.items():
        check_text("metadata", key)
        check_text(f"metadata.{key}", value)


def check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE_ROWS:
        raise InvalidQuery("limit", f"is not between 1 and {MAX_PAGE_ROWS}.")


def _check_cursors(after: str | None, before: str | None) -> None:
    if after is not None and before is not None:
        raise InvalidQuery("before", "and `after` exclude each other.")
    for field, cursor in (("after", after), ("before", before)):
        if cursor is not None and not is_canonical_uuid(cursor):
            raise InvalidQuery(field, "is not a UUID in canonical lower-case text.")
