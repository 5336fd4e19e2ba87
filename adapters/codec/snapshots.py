"""Snapshots as bytes, with the mark of the code that can read them."""

from hashlib import blake2b
from typing import Final

import msgspec

from adapters.codec.events import READABLE_TOPICS
from projections.snapshots import FOLD_VERSION, RECENT_MESSAGES, Snapshot

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


class UnreadableSnapshot(Exception):
    """The bytes are none, or none of this code's. Its text may quote them, so it is not shown."""


def fingerprint_of(fold_version: int, shape: type[msgspec.Struct], topics: frozenset[str] = READABLE_TOPICS) -> str:
    """Equal only where the fold is the same and gives the same shape, and where the same events can be read: who cannot
    read an event must not decide on a conversation that has it, which a snapshot would hide."""
    schema = msgspec.json.encode([msgspec.json.schema(shape), sorted(topics)], order="deterministic")
    return f"{fold_version}-{RECENT_MESSAGES}-{blake2b(schema, digest_size=8).hexdigest()}"


FINGERPRINT: Final = fingerprint_of(FOLD_VERSION, Snapshot)
"""Of the snapshots that this code writes. It reads no others."""


def encode(snapshot: Snapshot) -> bytes:
    """To be kept beside `FINGERPRINT`."""
    return _encoder.encode(snapshot)


def decode(state: bytes) -> Snapshot:
    """The snapshot of bytes that were kept beside `FINGERPRINT`.

    Raises:
        UnreadableSnapshot: they are damaged.
    """
    try:
        return _decoder.decode(state)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableSnapshot from error
