"""What the server sends, as far as a checking client looks at it. One decoding a frame."""

from typing import Any

import msgspec
from msgspec import Struct


class Frame(Struct, frozen=True):
    """The envelope. Fields that are not looked at are not read."""

    type: str
    payload: dict[str, Any]
    epoch: str
    seq: int | None = None
    prev: int | None = None
    part: tuple[int, int] | None = None
    final: bool = True


read_frame = msgspec.json.Decoder(Frame).decode
