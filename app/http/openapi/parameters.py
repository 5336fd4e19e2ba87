"""The parameters and headers of operations, as the document describes them."""

import re
from typing import Any, Final

from app.http.auth import CLIENT_ID_HEADER
from app.http.event_stream import LAST_EVENT_ID
from app.http.openapi.operation import Operation
from app.http.openapi.schemas import Schemas
from app.http.requests import MAX_KEY_CHARACTERS
from app.http.responses import REPLAYED_HEADER, STALE_HEADER

_TEXT: Final = {"type": "string"}
_UUID: Final = {"type": "string", "format": "uuid"}
_ETAG: Final = {"type": "string", "pattern": '^"[0-9]+"$'}
_KEY: Final = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS}


def of(operation: Operation, path: str, schemas: Schemas) -> list[dict[str, Any]]:
    """All parameters of the operation: of its path, its query and its headers."""
    found = [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
    if operation.query is not None:
        found += [_query_parameter(name, schema) for name, schema in schemas.fields(operation.query).items()]
    if operation.event_stream is not None:
        known = {parameter["name"] for parameter in found}
        fields = schemas.fields(operation.event_stream).items()
        found += [_query_parameter(name, schema) for name, schema in fields if name not in known]
        found.append(_header(LAST_EVENT_ID, _TEXT, "Of a stream of events alone: the `id` to go on behind.", "17"))
    if operation.write:
        found += _write_headers()
    if operation.conditional:
        found.append(_header("If-None-Match", _TEXT, "Answered with 304 when it names the version there is.", '"17"'))
    return found


def answer_headers(operation: Operation) -> dict[str, Any]:
    """The headers of the operation's success."""
    headers: dict[str, Any] = {}
    if operation.write or operation.conditional:
        headers["ETag"] = {"schema": _ETAG, "description": "The version of the conversation."}
    if operation.write:
        headers[REPLAYED_HEADER] = {"schema": {"const": "true"}, "description": "The answer was given before."}
    if operation.write and operation.success == 201:
        headers["Location"] = {"schema": _TEXT, "description": "Where a new conversation is; not of a message."}
    if operation.query is not None and "min_position" in operation.query.__struct_fields__:
        headers[STALE_HEADER] = {"schema": {"const": "true"}, "description": "The list has not come to `min_position`."}
    return headers


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _UUID}


def _query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is null; null itself cannot be sent."""
    variants = [variant for variant in schema.get("anyOf", ()) if variant != {"type": "null"}]
    shown = variants[0] if len(variants) == 1 else dict(schema)
    default = schema.get("default")
    if default not in (None, {}):
        shown = {**shown, "default": default}
    parameter: dict[str, Any] = {"name": name, "in": "query", "schema": shown}
    if "description" in shown:
        parameter["description"] = shown["description"]
    if shown.get("type") == "object":
        parameter |= {"style": "deepObject", "explode": True}
    return parameter


def _write_headers() -> list[dict[str, Any]]:
    return [
        _header(
            "Idempotency-Key",
            _KEY,
            "Makes the write safe to send again. A UUID is the command's id as it is; of any other text of printable "
            "ASCII the command's id is made, for this tenant.",
            "2f1d7c1e-0000-4000-8000-000000000001",
        ),
        _header("If-Match", _ETAG, "The version that the write is meant for: 412 when there is another.", '"17"'),
        _header(CLIENT_ID_HEADER, _KEY, "Tells two clients of one user apart, in the history.", "tab-1"),
    ]


def _header(name: str, schema: dict[str, Any], description: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": description, "example": example}
