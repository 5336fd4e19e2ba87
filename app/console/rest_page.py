"""docs/reference/rest.md, from the OpenAPI document and the table of problems."""

from collections.abc import Iterator
from typing import Any

from app.problems import KINDS

INTRODUCTION = """\
# REST

Generated from the routes in `app/http` by `turnlog docs`; do not edit. A running service shows the same, with all
schemas and a form to try it, at `/docs`, and as OpenAPI at `/openapi.json`.

## Every write

- **`Idempotency-Key`** makes it safe to send again: it takes effect once, and is answered with the same status and the
  same bytes for ever, whatever happened since; `Idempotent-Replayed: true` tells that it was. A key that is a UUID is
  the command's id as it is. Of any other text of 1 to 255 printable ASCII characters the id is made, as a UUIDv5 of
  tenant and key. The same key with another body is 422. A command whose wish was true already stores nothing: sent
  again, it is decided again.
- **`If-Match`** is the version that it is meant for, as an entity tag: `"17"`. At another version it is 412, with the
  version there is. `expected_version` in the body of a command means the same and is 409.
- It is answered with `version`, which is also the `ETag`, and with `position`.
- Without an expected version, writes that only record (messages, feedback, metadata) are never in each other's way.

## Lists

`limit` is 1 to 100, 20 if not given. `after` and `before` are ids from the list and mean after and before in its order;
for events they are versions. Ids: `first_id`, `last_id`; `has_more` tells whether to go on.

Lists of conversations and messages come from tables that follow the events by milliseconds. `min_position` waits for a
write, two seconds if the service is not told otherwise; a list that has still not come to it is answered as it is, with
`Turnlog-Stale: true`. A conversation itself and its events are always current.

"""

PROBLEMS = """\
## Problems

`application/problem+json`, as RFC 9457 has it: `type`, `title`, `status`, `detail`, `instance`, and here `code`, which
never changes, and where they help `field`, `state`, `version`, `allowed` (the commands that are legal now) and
`retry_after_ms`, which is `Retry-After` too. The same codes are used over WebSocket.

| code | status | what it means |
| --- | --- | --- |
"""

LIMITS = {
    "minLength": "at least so long:",
    "maxLength": "at most so long:",
    "minimum": "at least",
    "maximum": "at most",
    "maxItems": "at most so many:",
    "maxProperties": "at most so many:",
}

SHAPES = """\
## Shapes

The JSON of bodies, answers and payloads of commands. Bodies are closed: a field that is not here is refused by its
name, except in those of [original clients](original-clients.md), where it is passed over. Answers may get more fields;
none is ever renamed. Times are RFC 3339 in UTC, ids UUIDs in canonical lower case.

"""


def rest_page() -> str:
    """The text of docs/reference/rest.md."""
    from app.http.application import ROUTES
    from app.http.openapi.document import document

    written = document(ROUTES)
    lines = [INTRODUCTION, "## Routes\n\n", *_routes(written), PROBLEMS]
    lines += [f"| `{kind.code}` | {kind.status} | {kind.title} |\n" for kind in KINDS]
    return "".join([*lines, "\n", SHAPES, *_shapes(written["components"]["schemas"])]).rstrip() + "\n"


def _routes(written: dict[str, Any]) -> Iterator[str]:
    for path, item in written["paths"].items():
        for method, operation in item.items():
            yield f"### {operation['summary']}: `{method.upper()} {path}`\n\n{operation['description']}\n\n"
            yield from _table_of_query(operation)
            yield from _body(operation)
            yield _answers(operation)


def _table_of_query(operation: dict[str, Any]) -> Iterator[str]:
    parameters = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    if parameters:
        yield "| parameter | type | |\n| --- | --- | --- |\n"
        for parameter in parameters:
            yield f"| `{parameter['name']}` | {_type(parameter['schema'])} | {parameter.get('description', '')} |\n"
        yield "\n"


def _body(operation: dict[str, Any]) -> Iterator[str]:
    if "requestBody" in operation:
        optional = "" if operation["requestBody"]["required"] else ", which may be left out"
        yield f"Body: {_type(operation['requestBody']['content']['application/json']['schema'])}{optional}.\n\n"


def _answers(operation: dict[str, Any]) -> str:
    """Such as: 200 `Page`; 304; problems 400, 404."""
    good: list[str] = []
    problems: list[str] = []
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if "application/problem+json" in content:
            problems.append(status)
        else:
            schema = content.get("application/json", {}).get("schema")
            good.append(f"{status} {_type(schema)}" if schema else status)
    return f"Answers: {', '.join(good)}; problems {', '.join(problems)}.\n\n"


def _shapes(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield f"### {schema.get('title', name)}\n\n"
        if "description" in schema:
            yield " ".join(schema["description"].split()) + "\n\n"
        if "properties" not in schema:
            yield _type(schema) + "\n\n"
        elif schema["properties"]:
            yield "| field | type | |\n| --- | --- | --- |\n"
            yield from (_field(name, field, schema["required"]) for name, field in schema["properties"].items())
            yield "\n"


def _field(name: str, field: dict[str, Any], required: list[str]) -> str:
    variants = [variant for variant in field.get("anyOf", [field]) if variant != {"type": "null"}]
    notes = [*_limits(variants[0])] if len(variants) == 1 else []
    if description := field.get("description") or (variants[0].get("description") if len(variants) == 1 else None):
        notes.insert(0, description.rstrip("."))
    if name in required:
        notes.append("always there")
    elif field.get("default") not in (None, {}, [], "") and "$ref" not in field:
        notes.append(f"default `{field['default']}`")
    nullable = " or null" if len(variants) < len(field.get("anyOf", [field])) else ""
    types = "the command's" if name == "payload" else " or ".join(_type(variant) for variant in variants)
    return f"| `{name}` | {types}{nullable} | {'; '.join(notes)} |\n"


def _limits(schema: dict[str, Any]) -> Iterator[str]:
    for keyword, words in LIMITS.items():
        if keyword in schema:
            yield f"{words} {schema[keyword]}"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "any JSON")
