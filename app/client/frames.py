"""What the server sends, as far as a client looks at it. One decoding a frame."""

from typing import Any

import msgspec
from msgspec import Struct


class Frame(Struct, frozen=True):
    """The envelope. Fields that are not looked at are not read, and a type may be one that is not known here."""

    type: str
    payload: dict[str, Any]
    epoch: str
    seq: int | None = None
    prev: int | None = None
    part: tuple[int, int] | None = None
    final: bool = True
    id: str | None = None
    conversation_id: str | None = None
    ts: str | None = None
    key: str | None = None
    rev: int | None = None
    position: int | None = None
    prev_position: int | None = None


read_frame = msgspec.json.Decoder(Frame).decode


class Resume(Struct, frozen=True):
    """What `ready` says of where the connection begins. In the feed of a tenant these are positions."""

    outcome: str
    after: int
    head: int
    epoch: str
    replay_count: int = 0


def read_resume(ready: Frame) -> Resume:
    """How the connection begins.

    Raises:
        msgspec.ValidationError: the frame does not say it.
    """
    return msgspec.convert(ready.payload.get("resume"), Resume)
