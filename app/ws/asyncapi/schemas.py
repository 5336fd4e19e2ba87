"""The JSON schemas of the messages: msgspec's, in the draft 07 that AsyncAPI 3.0 is about.

What is sent leaves out a field that is null, so a field of the server's messages is there or absent, never null.
"""

from collections.abc import Callable
from typing import Any, Final, assert_never

from msgspec import Struct

from app.http.openapi.schemas import Schemas
from app.http.v2.bodies import CommandBody
from app.ws import originals
from app.ws.asyncapi.messages import INTERIM_MESSAGES, Kind, ServerMessage, client_messages, payloads, server_structs
from app.ws.inbound import CommandFrame, InterimFrame
from app.ws.protocol import Envelope, OpenInterim

_PREFIX: Final = "#/components/schemas/"
_NULL: Final = {"type": "null"}


class MessageSchemas:
    """The schemas of all messages; `components` are those that they refer to."""

    def __init__(self) -> None:
        frames = [message.frame for message in client_messages()]
        schemas = Schemas([Envelope, OpenInterim, *payloads(), *frames, *originals.PAYLOADS.values()])
        described = {name: _changed(schema, _in_draft_07) for name, schema in schemas.components.items()}
        for kind in server_structs():
            described[kind.__name__] = _without_nulls(described[kind.__name__])
        _describe_payloads(described)
        roots: list[type[Struct]] = [Envelope, *payloads(), *frames]
        self.components = _reachable(described, [kind.__name__ for kind in roots])

    def of_frame(self, frame: type[Struct]) -> dict[str, Any]:
        """A frame from the client."""
        return _reference(frame)

    def of_message(self, message: ServerMessage) -> dict[str, Any]:
        """A message from the server: the envelope, with what is true of this one."""
        own = {"type": {"const": message.message_type}, "payload": _reference(message.payload), **_marks(message.kind)}
        return {
            "allOf": [
                _reference(Envelope),
                {"type": "object", "properties": own, "required": ["type", *_required(message.kind), "payload"]},
            ]
        }


def _marks(kind: Kind) -> dict[str, Any]:
    match kind:
        case "durable":
            return {"seq": {"type": "integer", "minimum": 1}, "final": {"const": True}}
        case "interim":
            return {"seq": _NULL, "final": {"const": False}}
        case "connection":
            return {"seq": _NULL, "final": {"const": True}}
        case _:
            assert_never(kind)


def _required(kind: Kind) -> list[str]:
    match kind:
        case "durable":
            return ["id", "seq", "prev"]
        case "interim":
            return ["seq", "final"]
        case "connection":
            return ["seq"]
        case _:
            assert_never(kind)


def _reference(kind: type[Struct]) -> dict[str, Any]:
    return {"$ref": _PREFIX + kind.__name__}


def _describe_payloads(described: dict[str, Any]) -> None:
    """Where msgspec sees raw JSON or any struct, say which ones there are."""
    interims = [_reference(message.payload) for message in INTERIM_MESSAGES]
    described[Envelope.__name__]["properties"]["payload"] = {"type": "object", "description": "By `type`."}
    described[OpenInterim.__name__]["properties"]["payload"] = {"anyOf": interims}
    described[OpenInterim.__name__]["properties"]["type"]["enum"] = [
        message.message_type for message in INTERIM_MESSAGES
    ]
    described[InterimFrame.__name__]["properties"]["payload"] = {"anyOf": interims}
    for frame, payload in originals.PAYLOADS.items():
        described[frame.__name__]["properties"]["payload"] = _reference(payload)
    command, body = (described[kind.__name__]["properties"] for kind in (CommandFrame, CommandBody))
    command["name"]["enum"] = body["name"]["enum"]
    command["payload"] = body["payload"]


def _changed(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The schema with every object in it changed, the inner ones first."""
    if isinstance(schema, dict):
        return change({key: _changed(value, change) for key, value in schema.items()})
    if isinstance(schema, list):
        return [_changed(value, change) for value in schema]
    return schema


def _in_draft_07(schema: dict[str, Any]) -> dict[str, Any]:
    """Tuples are told in other words, and AsyncAPI has no `discriminator` of OpenAPI's kind."""
    if "prefixItems" in schema:
        schema = {**schema, "items": schema["prefixItems"], "additionalItems": False}
        del schema["prefixItems"]
    if isinstance(schema.get("discriminator"), dict):
        del schema["discriminator"]
    return schema


def _without_nulls(schema: dict[str, Any]) -> dict[str, Any]:
    required = schema["required"]
    fields = schema["properties"].items()
    return {**schema, "properties": {name: field if name in required else _not_null(field) for name, field in fields}}


def _not_null(field: dict[str, Any]) -> dict[str, Any]:
    variants = [variant for variant in field.get("anyOf", ()) if variant != _NULL]
    if len(variants) != 1 or field.get("default", "") is not None:
        return field
    rest = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
    return {**variants[0], **rest}


def _reachable(described: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Only the components that these refer to, and those that those do."""
    found: dict[str, Any] = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = described[name]
            names += references(described[name])
    return dict(sorted(found.items()))


def references(schema: Any) -> list[str]:
    """The names of the components that a schema refers to."""
    if isinstance(schema, dict):
        own = [schema["$ref"].removeprefix(_PREFIX)] if "$ref" in schema else []
        return own + [name for value in schema.values() for name in references(value)]
    return [name for value in schema for name in references(value)] if isinstance(schema, list) else []
