"""`validate`: a command holds only what can be stored and read back as it is.

Writing a command as JSON and reading it again asks everything of it that its types promise, so that one built in Python
is as safe as one that a caller sent. It costs about a microsecond; only where it fails is the culprit looked for.
"""

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Final

import msgspec

from domain.conversation import commands as c
from domain.conversation.errors import InvalidCommand
from domain.conversation.feedback import check_feedback
from domain.conversation.field_paths import item_path, member_path, shown
from domain.conversation.limits import MAX_CONTENT_BYTES
from domain.conversation.tool_payload import check_text, check_tool_payload

_CONTENT_FIELDS: Final = frozenset({"content", "generated_text", "heard_text"})
_NUL_IN_JSON: Final = b"\\u0000"
_PLACE_OF_ERROR: Final = re.compile(r"^(?P<reason>.*) - at .*`\$\.?(?P<path>.*)`$", re.DOTALL)
_NOT_ENCODABLE: Final = (TypeError, ValueError, OverflowError, RecursionError)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(c.Command)


def validate(command: c.Command) -> None:
    """Refuse a command that could not be stored and read back as it is.

    Raises:
        InvalidCommand: `field` is the path of the first culprit.
    """
    if isinstance(command, c.StartToolCall):
        check_tool_payload("arguments", command.arguments)
    elif isinstance(command, c.CompleteToolCall):
        check_tool_payload("result", command.result)
    elif isinstance(command, c.SubmitUserMessage) and command.spoken_at is not None:
        _check_spoken_at(command)
    try:
        encoded = _encoder.encode(command)
    except _NOT_ENCODABLE as error:
        raise _unwritable(command) from error
    # JSON is never shorter than its texts, so the texts of a short command without the escape need no look.
    if len(encoded) > MAX_CONTENT_BYTES or _NUL_IN_JSON in encoded:
        _check_texts(command)
    try:
        read_back = _decoder.decode(encoded)
    except msgspec.ValidationError as error:
        raise _mistyped(command, error) from error
    if read_back != command:
        raise InvalidCommand(_first_difference(command, read_back), "is not a value that JSON can carry.")
    if isinstance(command, c.RecordFeedback):
        check_feedback(command)


def _check_spoken_at(command: c.SubmitUserMessage) -> None:
    try:
        if command.spoken_at is not None:
            command.spoken_at.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise InvalidCommand("spoken_at", "is outside the years 1 to 9999 of UTC.") from error
    except AttributeError as error:
        raise InvalidCommand("spoken_at", "is not a time.") from error


def _check_texts(command: c.Command) -> None:
    for path, text in _texts(command):
        size_bytes = check_text(path, text)
        if path in _CONTENT_FIELDS and size_bytes > MAX_CONTENT_BYTES:
            raise InvalidCommand(path, f"has {size_bytes} bytes of UTF-8; at most {MAX_CONTENT_BYTES} are taken.")


def _texts(command: c.Command) -> Iterator[tuple[str, str]]:
    """Each text of the command with its path. Tool payloads are checked on their own."""
    for field in command.__struct_fields__:
        value = getattr(command, field)
        if isinstance(value, str):
            yield field, value
        elif isinstance(value, tuple):
            yield from ((item_path(field, index), item) for index, item in enumerate(value) if isinstance(item, str))
        elif field == "metadata" and isinstance(value, dict):
            for key, item in value.items():
                yield from ((member_path(field, key), text) for text in (key, item) if isinstance(text, str))


def _unwritable(command: c.Command) -> InvalidCommand:
    """Why the command cannot be written as JSON."""
    try:
        _check_texts(command)
    except InvalidCommand as culprit:
        return culprit
    for field in command.__struct_fields__:
        try:
            _encoder.encode(getattr(command, field))
        except _NOT_ENCODABLE:
            return InvalidCommand(field, "is not a value that JSON can carry.")
    return InvalidCommand("type", "is not a command.")


def _mistyped(command: c.Command, error: msgspec.ValidationError) -> InvalidCommand:
    """Msgspec's error with a path; its `metadata[...]` becomes the key that is at fault."""
    place = _PLACE_OF_ERROR.match(str(error))
    if place is None:
        return InvalidCommand("type", f"is wrong: {shown(str(error))}.")
    path = place["path"]
    metadata = getattr(command, "metadata", None)
    if path.startswith("metadata") and isinstance(metadata, dict):
        culprits = (member_path("metadata", key) for key in metadata if _is_culprit(command, key, metadata[key]))
        path = next(culprits, "metadata")
    return InvalidCommand(path, f"is wrong: {shown(place['reason'])}.")


def _is_culprit(command: c.Command, key: object, value: object) -> bool:
    alone = msgspec.structs.replace(command, metadata={key: value})
    try:
        _decoder.decode(_encoder.encode(alone))
    except msgspec.ValidationError:
        return True
    return False


def _first_difference(command: c.Command, read_back: c.Command) -> str:
    fields = (f for f in command.__struct_fields__ if getattr(command, f) != getattr(read_back, f))
    return next(fields, "type")
