"""What may be asked of the search over messages, and what it answers."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from struct import Struct as Layout
from typing import ClassVar, Final
from uuid import UUID

from msgspec import Struct

from app.queries import (
    DEFAULT_PAGE_ROWS,
    InvalidQuery,
    check_limit,
    check_text,
    check_time,
    is_canonical_uuid,
)
from domain.conversation.values import Role
from domain.errors import TurnlogError
from domain.ids import ConversationId, MessageId
from projections.rows import MessageRow

MAX_WORDS_CHARACTERS: Final = 256
MAX_SHOWN_CHARACTERS: Final = 400
CONTEXT_CHARACTERS: Final = 80

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAYOUT: Final = Layout(">q16s16s")
_PLACE: Final = re.compile("[A-Za-z0-9_-]{54}")
_PADDING: Final = "=="
_GAP: Final = " … "


class TooManySearches(TurnlogError):
    """As many as there may be at a time are under way, and none ended soon."""

    code: ClassVar[str] = "overloaded"

    def __init__(self, retry_after_ms: int = 1_000) -> None:
        super().__init__(f"As many searches as there may be are under way. Try again in {retry_after_ms} ms.")
        self.retry_after_ms = retry_after_ms


class SearchPlace(Struct, frozen=True, order=True):
    """Where a message stands among all messages of a tenant, for ever: the order is that of time.

    The id of a message alone says nothing: it is unique within its conversation only.
    """

    created_at: datetime
    session_id: ConversationId
    message_id: MessageId

    def as_text(self) -> str:
        """As clients are given it and give it back, unread."""
        since_epoch = self.created_at - _EPOCH
        packed = _LAYOUT.pack(
            since_epoch // timedelta(microseconds=1), UUID(self.session_id).bytes, UUID(self.message_id).bytes
        )
        return urlsafe_b64encode(packed).decode().rstrip("=")


class SearchQuery(Struct, frozen=True, kw_only=True):
    """The newest messages in which the words are. Every filter that is given must match as well.

    The words are read as search engines do: `"a phrase"`, `or`, and `-without`. `user_id` is of messages that a user
    said. Times include their beginning and not their end. `after` and `before` are places: what is older than that one,
    and what is newer.
    """

    words: str
    role: Role | None = None
    user_id: str | None = None
    conversation_id: ConversationId | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    limit: int = DEFAULT_PAGE_ROWS
    after: str | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        _check_words(self.words)
        check_text("user_id", self.user_id)
        if self.conversation_id is not None and not is_canonical_uuid(self.conversation_id):
            raise InvalidQuery("conversation_id", "is not a UUID in canonical lower-case text.")
        check_time("created_from", self.created_from)
        check_time("created_until", self.created_until)
        check_limit(self.limit)
        if self.after is not None and self.before is not None:
            raise InvalidQuery("before", "and `after` exclude each other.")
        _ = self.cursor

    @property
    def cursor(self) -> SearchPlace | None:
        """The place that the page begins behind."""
        for field, text in (("after", self.after), ("before", self.before)):
            if text is not None:
                return _place_of(field, text)
        return None


class Fragment(Struct, frozen=True):
    """A piece of a message's text. `is_match`: it is one of the words that were looked for."""

    text: str
    is_match: bool


class SearchHit(Struct, frozen=True):
    """A message, and the pieces of its text that show why it was found, with ` … ` where something is left out."""

    message: MessageRow
    fragments: tuple[Fragment, ...]

    @property
    def place(self) -> SearchPlace:
        """Where it stands in the order of the search."""
        return SearchPlace(self.message.created_at, self.message.session_id, self.message.id)


class SearchPage(Struct, frozen=True):
    """Newest first. `stopped_at`: the search has looked at enough for once, and goes on behind this place."""

    hits: tuple[SearchHit, ...]
    has_more: bool
    stopped_at: SearchPlace | None = None


def shortened(fragments: Iterable[Fragment]) -> tuple[Fragment, ...]:
    """The first matches with what stands around them, of the fragments that are a whole text."""
    whole = tuple(fragments)
    pieces: list[Fragment] = []
    shown = 0
    for number, fragment in enumerate(whole):
        if shown >= MAX_SHOWN_CHARACTERS:
            return (*pieces, Fragment(_GAP, is_match=False))
        is_last = number == len(whole) - 1
        piece = fragment if fragment.is_match else _around(fragment.text, is_first=number == 0, is_last=is_last)
        pieces.append(piece)
        shown += len(piece.text)
    return tuple(pieces)


def no_word() -> InvalidQuery:
    """Nothing in the words can be looked up."""
    return InvalidQuery(
        "q", "has no word to look for: it may hold only signs, or words as common as `the`. Name a rarer one."
    )


def only_exclusions() -> InvalidQuery:
    """The words say only what must not be there."""
    return InvalidQuery("q", "says only what must not be in a message. Add a word that must.")


def too_broad() -> InvalidQuery:
    """The words are in so many messages that the database gave up."""
    return InvalidQuery("q", "is in more messages than can be looked through in time. Add a rarer word.")


def _around(text: str, *, is_first: bool, is_last: bool) -> Fragment:
    """What follows a match and what leads to the next, in whole words where it has spaces."""
    head = "" if is_first and not is_last else text[:CONTEXT_CHARACTERS]
    tail = "" if is_last else text[-CONTEXT_CHARACTERS:]
    if len(head) + len(tail) >= len(text):
        return Fragment(text, is_match=False)
    return Fragment(
        head[: head.rfind(" ") + 1 or None].rstrip() + _GAP + tail[tail.find(" ") + 1 :].lstrip(), is_match=False
    )


def _check_words(words: str) -> None:
    if not words.strip():
        raise InvalidQuery("q", "is empty. Say which words to look for.")
    if len(words) > MAX_WORDS_CHARACTERS:
        raise InvalidQuery("q", f"has more than {MAX_WORDS_CHARACTERS} characters.")
    check_text("q", words)


def _place_of(field: str, text: str) -> SearchPlace:
    refusal = InvalidQuery(field, "is not an id of this search. Give a `first_id`, a `last_id` or the `id` of a hit.")
    if _PLACE.fullmatch(text) is None:
        raise refusal
    microseconds, session_id, message_id = _LAYOUT.unpack(urlsafe_b64decode(text + _PADDING))
    try:
        created_at = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise refusal from error
    return SearchPlace(created_at, ConversationId(str(UUID(bytes=session_id))), MessageId(str(UUID(bytes=message_id))))
