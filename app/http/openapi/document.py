"""The OpenAPI document, written from the routes and the types that they read and write.

Litestar can write one too. It describes what Litestar reads, but here bodies and queries are read by msgspec alone,
strictly; and it knows neither closed objects nor problems. Msgspec describes its own types exactly.
"""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler

from app.http.event_stream import MEDIA_TYPE as EVENT_STREAM
from app.http.openapi import parameters
from app.http.openapi.operation import OPTION, Operation
from app.http.openapi.schemas import Schemas
from app.problems import KIND_OF_CODE, TYPE_PREFIX, Problem

_PATH_PARAMETER: Final = re.compile(r"{(?P<name>\w+):\w+}")
_PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
_OF_EVERY_REQUEST: Final = ("bad_request",)

DESCRIPTION: Final = """\
The durable, replayable state of every live conversation.

One number ties everything together: the **version** of a conversation, which is the number of its events. It is the
answer of every write, the `ETag`, the `seq` of a socket's frame and the `at_version` of a read. `position` orders the
writes of all conversations.

Every write takes `Idempotency-Key`: sent again with the same key and body it takes effect once and is answered with
the same bytes. Errors are RFC 9457 problem details with a stable `code`.
"""


def document(described: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """The document of these routes, as JSON can be made of it."""
    operations = [handler.opt[OPTION] for handler in described]
    schemas = Schemas(_types(operations))
    paths: dict[str, dict[str, Any]] = {}
    for handler, operation in zip(described, operations, strict=True):
        path = _PATH_PARAMETER.sub(r"{\g<name>}", next(iter(handler.paths)))
        for method in handler.http_methods:
            paths.setdefault(path, {})[method.lower()] = _operation(handler, operation, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Turnlog", "version": version("turnlog"), "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": schemas.components},
    }


def _types(operations: Iterable[Operation]) -> list[Any]:
    types: list[Any] = [Problem]
    for operation in operations:
        types += [operation.answer, *operation.also.values()]
        types += [operation.body] if operation.body is not None else []
    return types


def _operation(handler: HTTPRouteHandler, operation: Operation, path: str, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": handler.handler_name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": _responses(operation, schemas),
    }
    if found := parameters.of(operation, path, schemas):
        described["parameters"] = found
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {
                "application/json": {
                    "schema": schemas.of(operation.body),
                    "examples": {
                        title: {"summary": title, "value": value} for title, value in operation.examples.items()
                    },
                }
            },
        }
    return described


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {str(operation.success.value): _success(operation, schemas)}
    for status, answer in operation.also.items():
        responses[str(status.value)] = {"description": status.phrase, **_json(schemas.of(answer))}
    if operation.conditional:
        responses["304"] = {"description": "The caller has this version already (`If-None-Match`)."}
    codes: dict[int, list[str]] = {}
    for code in (*_OF_EVERY_REQUEST, *operation.problems):
        codes.setdefault(KIND_OF_CODE[code].status, []).append(code)
    for status_code, those in sorted(codes.items()):
        responses[str(status_code)] = _problem(those, schemas)
    return responses


def _success(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    headers = parameters.answer_headers(operation)
    described = {"description": operation.success.phrase, **_json(schemas.of(operation.answer))}
    if operation.event_stream is not None:
        described["content"][EVENT_STREAM] = {"schema": {"type": "string"}}
    return {**described, "headers": headers} if headers else described


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _problem(codes: Sequence[str], schemas: Schemas) -> dict[str, Any]:
    lines = [f"`{code}`: {KIND_OF_CODE[code].title}" for code in codes]
    kind = KIND_OF_CODE[codes[0]]
    example = {"type": TYPE_PREFIX + kind.code, "title": kind.title, "status": kind.status, "code": kind.code}
    content = {_PROBLEM_MEDIA_TYPE: {"schema": schemas.of(Problem), "example": example}}
    return {"description": "\n\n".join(lines), "content": content}
