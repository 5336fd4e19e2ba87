"""The file of dialogues: one JSON object a line, read as it is played. A line that cannot be played is named."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

MAX_UTTERANCE_BYTES: Final = 32 * 1024
"""As JSON. The service takes as much of a message, and a frame has room for it."""


class Turn(Struct, frozen=True):
    """What one speaker said at a time. Other keys are ignored."""

    speaker: Literal["user", "system", "assistant", "agent"]
    utterance: Annotated[str, Meta(min_length=1)]

    @property
    def role(self) -> Literal["user", "assistant"]:
        """The role of the message that it becomes: whoever is not the user is the assistant."""
        return "user" if self.speaker == "user" else "assistant"


class Dialogue(Struct, frozen=True):
    """One line of the file. Other keys are ignored."""

    dialogue_id: Annotated[str, Meta(min_length=1, max_length=200)]
    turns: Annotated[tuple[Turn, ...], Meta(min_length=1, max_length=10_000)]


class BadLine(Struct, frozen=True):
    """A line that cannot be played. `number` counts from 1."""

    number: int
    reason: str


_decoder = msgspec.json.Decoder(Dialogue)


def read_dialogues(lines: Iterable[bytes], limit: int | None = None) -> Iterator[Dialogue | BadLine]:
    """The dialogues in their order, at most `limit` of them; empty lines are passed over."""
    count = 0
    for number, line in enumerate(lines, start=1):
        if limit is not None and count >= limit:
            return
        if line.strip():
            dialogue = _read(number, line)
            count += isinstance(dialogue, Dialogue)
            yield dialogue


def _read(number: int, line: bytes) -> Dialogue | BadLine:
    try:
        dialogue = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return BadLine(number, str(error))
    for index, turn in enumerate(dialogue.turns):
        if reason := _unplayable(turn.utterance):
            return BadLine(number, f"{reason} - at `$.turns[{index}].utterance`")
    return dialogue


def _unplayable(utterance: str) -> str | None:
    if "\0" in utterance:
        return "A message cannot hold a NUL character"
    if len(msgspec.json.encode(utterance)) > MAX_UTTERANCE_BYTES:
        return f"A message has at most {MAX_UTTERANCE_BYTES} bytes"
    return None
