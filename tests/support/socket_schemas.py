"""Holds what really goes over sockets against the AsyncAPI document.

The document tells clients to ignore fields that they do not know. Here they are refused, so that nothing is sent that
the document does not name.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from jsonschema_rs import Draft7Validator

from app.ws.asyncapi.document import document

CLIENT: Final = [{"name": "client"}]


def check_server_frame(frame: Any) -> None:
    """It is one of the messages that the document says the server sends.

    Raises:
        AssertionError: it is not; the reasons say how it differs from those of its type.
    """
    _check(_server_validator(), frame, is_from_client=False)


def check_client_frame(frame: Any) -> None:
    """It is one of the frames that the document says clients send.

    Raises:
        AssertionError: it is not.
    """
    _check(_client_validator(), frame, is_from_client=True)


def is_client_frame(frame: Any) -> bool:
    """Whether the document has such a frame."""
    return _client_validator().is_valid(frame)


def messages_like(frame: Any) -> list[str]:
    """The names of the server's messages that the frame is an instance of."""
    return [name for name, validator in _server_validators().items() if validator.is_valid(frame)]


def _check(validator: Draft7Validator, frame: Any, *, is_from_client: bool) -> None:
    if validator.is_valid(frame):
        return
    kind = frame.get("type") if isinstance(frame, dict) else None
    reasons = [
        f"not {name}: {error.message} at {'/'.join(map(str, error.instance_path)) or 'the top'}"
        for name, message in _messages(is_from_client=is_from_client).items()
        if message["name"] == kind
        for error in _validator_of([message]).iter_errors(frame)
    ]
    raise AssertionError(f"the AsyncAPI document has no such frame: {frame}\n" + "\n".join(reasons))


@cache
def _closed_document() -> dict[str, Any]:
    """The document with every object closed."""
    written = document()
    for schema in written["components"]["schemas"].values():
        if schema.get("properties"):
            schema.setdefault("additionalProperties", False)
    return written


def _messages(*, is_from_client: bool) -> dict[str, Any]:
    messages = _closed_document()["components"]["messages"].items()
    return {name: message for name, message in messages if (message["tags"] == CLIENT) is is_from_client}


def _validator_of(messages: Iterable[dict[str, Any]]) -> Draft7Validator:
    payloads = [message["payload"] for message in messages]
    schema = payloads[0] if len(payloads) == 1 else {"anyOf": payloads}
    return Draft7Validator({**schema, "components": _closed_document()["components"]}, validate_formats=True)


@cache
def _server_validator() -> Draft7Validator:
    return _validator_of(_messages(is_from_client=False).values())


@cache
def _client_validator() -> Draft7Validator:
    return _validator_of(_messages(is_from_client=True).values())


@cache
def _server_validators() -> dict[str, Draft7Validator]:
    return {name: _validator_of([message]) for name, message in _messages(is_from_client=False).items()}
