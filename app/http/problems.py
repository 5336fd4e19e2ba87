"""Problems as HTTP answers. `app.problems` has the table; here is what only HTTP knows."""

from http import HTTPStatus
from math import ceil
from traceback import extract_tb
from typing import Any, ClassVar, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from app.problems import INTERNAL_ERROR, KIND_OF_CODE, Problem, problem, problem_of
from domain.errors import TurnlogError

MEDIA_TYPE: Final = "application/problem+json"
MAX_INSTANCE_CHARACTERS: Final = 512
_MILLISECONDS_PER_SECOND: Final = 1_000
_SOCKET: Final = "websocket"
_CODE_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}

logger = structlog.get_logger()


class InvalidHeader(TurnlogError):
    """A header cannot be understood. `field` is its name."""

    code: ClassVar[str] = "invalid_header"

    def __init__(self, header: str, reason: str) -> None:
        super().__init__(f"The header `{header}` {reason}")
        self.field = header


class UnsupportedMediaType(TurnlogError):
    """The body is not declared as JSON."""

    code: ClassVar[str] = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("Send the body with `Content-Type: application/json`, in UTF-8.")
        self.field = "Content-Type"


class IncompleteBody(TurnlogError):
    """The client went away before the end of its body; nobody reads the answer."""

    code: ClassVar[str] = "bad_request"

    def __init__(self) -> None:
        super().__init__("The body ended early.")


class PreconditionFailed(TurnlogError):
    """The conversation is not at the version that If-Match names."""

    code: ClassVar[str] = "precondition_failed"

    def __init__(self, expected_version: int, version: int) -> None:
        super().__init__(f"If-Match asks for version {expected_version}; the conversation is at version {version}.")
        self.field = "If-Match"
        self.version = version


def answer_with_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The one exception handler of the application."""
    told = _problem_of_litestar(error) if isinstance(error, HTTPException) else problem_of(error)
    if told.code == INTERNAL_ERROR.code:
        _log(request, error)
    told = msgspec.structs.replace(told, instance=_instance(request))
    return Response(
        msgspec.json.encode(told),
        status_code=told.status,
        media_type=MEDIA_TYPE,
        headers={**_allow(error), **_retry_after(told), "Cache-Control": "no-store"},
    )


def _problem_of_litestar(error: HTTPException) -> Problem:
    """What the framework refused before any of our code ran; its sentences stay inside, they may quote the request."""
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(INTERNAL_ERROR)
    code = "upgrade_required" if _is_for_sockets(error) else _CODE_OF_STATUS.get(status, "bad_request")
    return problem(KIND_OF_CODE[code])


def _is_for_sockets(error: Exception) -> bool:
    """Whether the path is one that only a WebSocket can be opened on."""
    return isinstance(error, HTTPException) and (error.headers or {}).get("allow") == _SOCKET


def _allow(error: Exception) -> dict[str, str]:
    """The methods that the path has, when the method was wrong; or that it has none."""
    if not isinstance(error, HTTPException) or error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return {}
    if _is_for_sockets(error):
        return {"Upgrade": _SOCKET}
    methods = (error.headers or {}).get("allow", "").split(", ")
    return {"Allow": ", ".join(sorted(method for method in methods if method != _SOCKET))}


def _retry_after(told: Problem) -> dict[str, str]:
    if told.retry_after_ms is None:
        return {}
    return {"Retry-After": str(max(1, ceil(told.retry_after_ms / _MILLISECONDS_PER_SECOND)))}


def _instance(request: Request[Any, Any, Any]) -> str:
    """The path as it was sent, without its query."""
    raw_path: bytes = request.scope.get("raw_path") or request.scope["path"].encode("utf-8", "replace")
    return raw_path.partition(b"?")[0].decode("ascii", "replace")[:MAX_INSTANCE_CHARACTERS]


def _log(request: Request[Any, Any, Any], error: Exception) -> None:
    """By its type and place alone: the text of an exception may quote what people said."""
    frames = extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
    template = request.scope.get("path_template", "")
    logger.error("request_failed", error=type(error).__name__, place=place, method=request.method, path=template)
