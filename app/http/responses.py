"""Writing answers: JSON, entity tags, and what every write says."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response
from msgspec import Struct

from app.use_cases.run_command import CommandResult

MEDIA_TYPE: Final = "application/json"
REPLAYED_HEADER: Final = "Idempotent-Replayed"
STALE_HEADER: Final = "Turnlog-Stale"

_encoder: Final = msgspec.json.Encoder()


def answer(body: Any, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response[bytes]:
    """The body as JSON."""
    return Response(_encoder.encode(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def write_answer(
    body: Struct, result: CommandResult, status: HTTPStatus = HTTPStatus.OK, location: str | None = None
) -> Response[bytes]:
    """The answer of a write. Whether it was given before stands in a header: the body is equal byte for byte."""
    headers = {"ETag": etag(result.conversation.version)}
    if location is not None:
        headers["Location"] = location
    if result.replayed:
        headers[REPLAYED_HEADER] = "true"
    return answer(body, status, headers)


def list_answer(body: Struct, *, is_stale: bool) -> Response[bytes]:
    """The answer of a list that may not have come to the position asked for."""
    return answer(body, headers={STALE_HEADER: "true"} if is_stale else None)


def etag(version: int) -> str:
    """The entity tag of a conversation at the version."""
    return f'"{version}"'
