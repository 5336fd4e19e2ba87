"""The commands by the names under which callers ask for them, over every interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from app.wire import decode
from domain.conversation.commands import COMMAND_TYPES, Command, name_of
from domain.conversation.errors import InvalidCommand

_DECODERS: Final[dict[str, msgspec.json.Decoder[Command]]] = {
    name_of(command): msgspec.json.Decoder(command) for command in COMMAND_TYPES
}


def read_command(name: str, payload: bytes) -> Command:
    """The command in the payload's JSON.

    Raises:
        InvalidCommand: no such command, or `field` of it is not acceptable.
    """
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise InvalidCommand("name", f"is no command; commands are {', '.join(_DECODERS)}.")
    return decode(decoder, payload, prefix="payload")


@contextmanager
def named_within_payload() -> Iterator[None]:
    """What the domain refuses of a command's fields is named as the caller sent it: within the payload."""
    try:
        yield
    except InvalidCommand as error:
        reason = str(error).removeprefix(f"`{error.field}` ")
        raise InvalidCommand(f"payload.{error.field}", reason) from error
