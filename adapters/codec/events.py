"""Events as the store keeps them: a topic and JSON.

The topic is the hand-written tag with its schema version (`listening_started.v1`). The JSON holds the event's id, the
origin of its command and the event itself. What was ever written stays readable: an older schema version goes through
its upcasters, pure functions from a dict to a dict, one version at a time.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from domain.conversation.events import EVENT_TYPES, Event, tag_of
from domain.envelope import Origin
from domain.errors import CorruptEvent, UnknownEvent
from domain.ids import EventId

SCHEMA_VERSIONS: Final[dict[str, int]] = {tag_of(event_type): 1 for event_type in EVENT_TYPES}
"""The version in which each event is written now. Raise one together with an upcaster from the version before."""

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Final[dict[tuple[str, int], Upcaster]] = {}
"""`(tag, n)` turns the `data` of version n into that of version n + 1."""


class StoredState(Struct, frozen=True, kw_only=True):
    """The JSON of one stored event."""

    event_id: EventId
    origin: Origin
    data: Event


class _OldState(Struct, frozen=True, kw_only=True):
    event_id: EventId
    origin: Origin
    data: dict[str, Any]


_VERSIONS: Final = {event_type: SCHEMA_VERSIONS[tag_of(event_type)] for event_type in EVENT_TYPES}
_TOPICS: Final = {event_type: f"{tag_of(event_type)}.v{version}" for event_type, version in _VERSIONS.items()}
_VERSIONS_OF_TOPICS: Final = {topic: _VERSIONS[event_type] for event_type, topic in _TOPICS.items()}
_DAMAGE: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What decoders and upcasters raise over bytes that are not what they should be."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(StoredState)
_old_decoder = msgspec.json.Decoder(_OldState)


def topic_of(event: Event) -> str:
    """The tag and schema version under which the event is stored."""
    return _TOPICS[type(event)]


def schema_version_of(event: Event) -> int:
    """The schema version in which the event is written now."""
    return _VERSIONS[type(event)]


def encode(event_id: EventId, origin: Origin, event: Event) -> bytes:
    """The JSON to store, in UTF-8."""
    return _encoder.encode(StoredState(event_id=event_id, origin=origin, data=event))


def decode(topic: str, state: bytes) -> tuple[StoredState, int]:
    """The stored event, upcast to what the code knows now, and the schema version that it was stored in.

    Raises:
        UnknownEvent: newer code wrote it.
        CorruptEvent: it is damaged.
    """
    try:
        schema_version = _VERSIONS_OF_TOPICS.get(topic)
        if schema_version is not None:
            return _decoder.decode(state), schema_version
        return _decode_old(topic, state)
    except _DAMAGE:
        # Not chained: the message may quote what is there.
        raise CorruptEvent(topic) from None


def _decode_old(topic: str, state: bytes) -> tuple[StoredState, int]:
    tag, _, version_text = topic.rpartition(".v")
    if not version_text.isdecimal() or int(version_text) > SCHEMA_VERSIONS.get(tag, 0):
        raise UnknownEvent(topic)
    stored = _old_decoder.decode(state)
    data = stored.data
    for version in range(int(version_text), SCHEMA_VERSIONS[tag]):
        data = UPCASTERS[tag, version](data)
    event: Event = msgspec.convert(data, Event)
    return StoredState(event_id=stored.event_id, origin=stored.origin, data=event), int(version_text)
