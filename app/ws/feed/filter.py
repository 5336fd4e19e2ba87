"""What of a tenant's feed a client wants: by the user, the state and the type of message; and what is being said."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec import Struct

from app.queries import MAX_FILTER_CHARACTERS, InvalidQuery
from domain.conversation.conversation import Conversation
from domain.conversation.transitions import State

DURABLE_TYPES: Final = ("state_update", "transcript_update", "ai_response", "speech_event", "error")
"""The types of message that an event can give."""


class FeedFilter(Struct, frozen=True):
    """What is given must match. `states` are those after the event; of one event, only messages of the `types`.

    `with_interims`: also what is being said, of conversations that are in one of the states now.
    """

    user_id: str | None = None
    states: frozenset[str] | None = None
    types: frozenset[str] | None = None
    with_interims: bool = False

    def wants_event(self, after: Conversation) -> bool:
        """Whether the conversation, as the event has left it, is one of those that are wanted."""
        return (self.user_id is None or self.user_id == after.user_id) and (
            self.states is None or after.state in self.states
        )

    def wants_message(self, message_type: str) -> bool:
        """Whether messages of the type are wanted."""
        return self.types is None or message_type in self.types

    def wants_interim(self, conversation: Conversation | None, message_type: str) -> bool:
        """Whether such a message is wanted. A conversation that nobody has read is of no user and in no state."""
        if not self.with_interims or not self.wants_message(message_type):
            return False
        if conversation is None:
            return self.user_id is None and self.states is None
        return self.wants_event(conversation)


EVERYTHING: Final = FeedFilter()


def filter_of(query: Mapping[str, Sequence[str]]) -> FeedFilter:
    """The filter that the parameters of an address ask for.

    Raises:
        InvalidQuery: nothing could ever match; `field` names the parameter.
    """
    return FeedFilter(
        user_id=_user_id(query.get("user_id", ())),
        states=_names("state", query.get("state", ()), tuple(State)),
        types=_names("type", query.get("type", ()), DURABLE_TYPES),
        with_interims=_choice("interims", query.get("interims", ())),
    )


def _choice(field: str, given: Sequence[str]) -> bool:
    if len(given) > 1:
        raise InvalidQuery(field, "is given twice.")
    if given and given[0] not in ("true", "false"):
        raise InvalidQuery(field, "must be true or false.")
    return bool(given) and given[0] == "true"


def _user_id(given: Sequence[str]) -> str | None:
    if len(given) > 1:
        raise InvalidQuery("user_id", "is given twice.")
    if given and len(given[0]) > MAX_FILTER_CHARACTERS:
        raise InvalidQuery("user_id", f"has more than {MAX_FILTER_CHARACTERS} characters.")
    return given[0] if given and given[0] else None


def _names(field: str, given: Sequence[str], known: Collection[str]) -> frozenset[str] | None:
    names = frozenset(name.strip() for names in given for name in names.split(",") if name.strip())
    if not names <= frozenset(known):
        raise InvalidQuery(field, f"must be of {', '.join(known)}, separated by commas.")
    return names or None
