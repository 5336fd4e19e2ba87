"""Snapshots as bytes, with the mark of the code that can read them."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from adapters.codec.events import READABLE_TOPICS
from adapters.codec.events import SCHEMA_VERSIONS
from projections.snapshots import FOLD_VERSION, RECENT_MESSAGES, Snapshot

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


class UnreadableSnapshot(Exception):
    """The bytes are none, or none of this code's. Its text may quote them, so it is not shown."""


def fingerprint_of(fold_version: int, shape: type[msgspec.Struct], schema_versions: Mapping[str, int]) -> str:
    """Equal only where the fold is the same, knows the same events in the same versions, and gives the same shape.

    So no code ever goes on from events that it could not have read itself.
    """
    described = (msgspec.json.schema(shape), schema_versions, RECENT_MESSAGES)
    digest = blake2b(msgspec.json.encode(described, order="deterministic"), digest_size=8)
    return f"{fold_version}-{digest.hexdigest()}"


FINGERPRINT: Final = fingerprint_of(FOLD_VERSION, Snapshot, SCHEMA_VERSIONS)
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
