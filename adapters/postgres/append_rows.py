"""A batch of appends as the arrays that the append functions take."""

from collections.abc import Sequence

from msgspec import Struct

from adapters.codec import events as codec
from domain.errors import EventRejected
from domain.ports import Append


class EncodedAppend(Struct, frozen=True):
    """One command's events, encoded once, when the command arrives; `size_bytes` is what it takes of the queue."""

    append: Append
    topics: tuple[str, ...]
    states: tuple[bytes, ...]
    size_bytes: int


ROW_OVERHEAD_BYTES = 200
"""About what an event costs beside its JSON: ids, index entries, Python objects."""


UUID_CHARACTERS = 36


def encode(append: Append) -> EncodedAppend:
    """The append with its events as topics and JSON.

    Raises:
        EventRejected: an id cannot be a UUID. Further checks are the database's.
    """
    for given in (append.tenant_id, append.conversation_id, append.origin.command_id):
        # Too short for two ids with a comma, too long for NULL: it stays one element of an array literal.
        if len(given) != UUID_CHARACTERS or not given.isascii():
            raise EventRejected("An id of the command is not a UUID. Nothing was stored.")
    topics = tuple([codec.topic_of(event) for event in append.events])
    pairs = zip(append.event_ids, append.events, strict=True)
    states = tuple([codec.encode(event_id, append.origin, event) for event_id, event in pairs])
    return EncodedAppend(append, topics, states, sum(map(len, states)) + ROW_OVERHEAD_BYTES * len(states))


def row_of(encoded: EncodedAppend) -> tuple[str, int, str, bytes, str, str]:
    """The one event of a command that has no other."""
    append = encoded.append
    return (
        append.conversation_id,
        append.expected_version + 1,
        encoded.topics[0],
        encoded.states[0],
        append.origin.command_id,
        append.tenant_id,
    )


AppendRows = tuple[str, str, str, list[bytes], str, str]


def rows_of(batch: Sequence[EncodedAppend]) -> AppendRows:
    """Six parallel arrays, one element for each event, the events of a command side by side.

    All but the states are array literals: their elements are ids, numbers and tags, in which nothing needs quoting,
    and one join is several times faster than adapting element by element.
    """
    conversations: list[str] = []
    versions: list[str] = []
    topics: list[str] = []
    states: list[bytes] = []
    commands: list[str] = []
    tenants: list[str] = []
    for encoded in batch:
        append = encoded.append
        size = len(encoded.states)
        first = append.expected_version + 1
        conversations.extend([append.conversation_id] * size)
        versions.extend(map(str, range(first, first + size)))
        topics.extend(encoded.topics)
        states.extend(encoded.states)
        commands.extend([append.origin.command_id, *["NULL"] * (size - 1)])
        tenants.extend([append.tenant_id] * size)
    return _array(conversations), _array(versions), _array(topics), states, _array(commands), _array(tenants)


def numbers_of(batch: Sequence[EncodedAppend]) -> str:
    """The array that tells the checking form which event belongs to which command of the batch."""
    return _array([str(number) for number, encoded in enumerate(batch) for _ in encoded.states])


def _array(elements: Sequence[str]) -> str:
    return "{" + ",".join(elements) + "}"
