"""Events as the store keeps them: a topic and JSON.

The topic is the hand-written tag with its schema version (`listening_started.v1`). The JSON holds the event's id, the
origin of its command and the event itself. What was ever written stays readable: an older schema version goes through
its upcasters, pure functions from a dict to a dict, one version at a time.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from adapters.codec.upcasters import UPCASTERS, Upcaster
from domain.conversation.events import EVENT_TYPES, Event, tag_of
from domain.envelope import Origin
from domain.errors import CorruptEvent, UnknownEvent
from domain.ids import EventId

SCHEMA_VERSIONS: Final[dict[str, int]] = {
    tag: 1 + len(UPCASTERS.get(tag, ())) for tag in (tag_of(event_type) for event_type in EVENT_TYPES)
}
"""The version in which each event is written now."""


class StoredState(Struct, frozen=True, kw_only=True):
    """The JSON of one stored event."""

    event_id: EventId
    origin: Origin
    data: Event


class _OldState(Struct, frozen=True, kw_only=True):
    event_id: EventId
    origin: Origin
    data: dict[str, Any]


class _Topic(Struct, frozen=True, kw_only=True):
    """How an event of one topic is read. Without `upcasters` it is in the version of today."""

    event_type: type[Event]
    schema_version: int
    upcasters: tuple[Upcaster, ...]


def _topics() -> dict[str, _Topic]:
    topics: dict[str, _Topic] = {}
    for event_type in EVENT_TYPES:
        tag = tag_of(event_type)
        for version in range(1, SCHEMA_VERSIONS[tag] + 1):
            upcasters = UPCASTERS.get(tag, ())[version - 1 :]
            topics[f"{tag}.v{version}"] = _Topic(event_type=event_type, schema_version=version, upcasters=upcasters)
    return topics


_VERSIONS: Final = {event_type: SCHEMA_VERSIONS[tag_of(event_type)] for event_type in EVENT_TYPES}
_TOPICS: Final = {event_type: f"{tag_of(event_type)}.v{version}" for event_type, version in _VERSIONS.items()}
_READABLE: Final = _topics()
READABLE_TOPICS: Final = frozenset(_READABLE)
"""Every topic that this code can read."""

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
    known = _READABLE.get(topic)
    if known is None:
        raise UnknownEvent(topic)
    try:
        stored = _upcast(state, known.upcasters) if known.upcasters else _decoder.decode(state)
    except _DAMAGE:
        # Not chained: the message may quote what is there.
        raise CorruptEvent(topic) from None
    if type(stored.data) is not known.event_type:
        raise CorruptEvent(topic)
    return stored, known.schema_version


def _upcast(state: bytes, upcasters: tuple[Upcaster, ...]) -> StoredState:
    stored = _old_decoder.decode(state)
    data = stored.data
    for upcaster in upcasters:
        data = upcaster(data)
    event: Event = msgspec.convert(data, Event)
    return StoredState(event_id=stored.event_id, origin=stored.origin, data=event)
