"""What a refusal or failure is called outside: one table of codes, the same over REST and WebSocket."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from domain.errors import TurnlogError

TYPE_PREFIX: Final = "urn:turnlog:problem:"


class ProblemKind(Struct, frozen=True):
    """One code. `retryable`: the same request may succeed later, or already has."""

    code: str
    status: int
    title: str
    retryable: bool = False


KINDS: Final = (
    ProblemKind("malformed_json", 400, "What was sent is not JSON in UTF-8."),
    ProblemKind("invalid_command", 400, "A field is not acceptable."),
    ProblemKind("invalid_query", 400, "A query parameter is not acceptable."),
    ProblemKind("invalid_header", 400, "A header is not acceptable."),
    ProblemKind("bad_request", 400, "The request cannot be understood."),
    ProblemKind("foreign_origin", 403, "Pages of this origin may not connect."),
    ProblemKind("not_found", 404, "There is no such thing, or it is not yours."),
    ProblemKind("unknown_message", 404, "The conversation has no such message."),
    ProblemKind("version_not_found", 404, "The conversation was never in that version or at that time."),
    ProblemKind("method_not_allowed", 405, "The path is right, the method is not."),
    ProblemKind("invalid_transition", 409, "The conversation's state does not allow it."),
    ProblemKind("busy", 409, "The agent has the turn."),
    ProblemKind("conflict", 409, "The conversation is at another version."),
    ProblemKind("already_exists", 409, "The conversation's id is taken."),
    ProblemKind("message_exists", 409, "The message's id is taken."),
    ProblemKind("response_over", 409, "That answer is over."),
    ProblemKind("unknown_tool_call", 409, "No such tool call is open."),
    ProblemKind("limit_reached", 409, "The conversation holds as many as it may."),
    ProblemKind("precondition_failed", 412, "The conversation is not at the version of If-Match."),
    ProblemKind("too_large", 413, "The body is too large."),
    ProblemKind("unsupported_media_type", 415, "The body is not declared as JSON."),
    ProblemKind("upgrade_required", 426, "The path is that of a WebSocket."),
    ProblemKind("idempotency_mismatch", 422, "The idempotency key was used for something else."),
    ProblemKind("rate_limited", 429, "Too many frames in too little time.", retryable=True),
    ProblemKind("too_many_connections", 429, "The address has as many connections as one may have.", retryable=True),
    ProblemKind("internal_error", 500, "The service failed."),
    ProblemKind("event_rejected", 500, "The event could not be stored."),
    ProblemKind("service_restart", 503, "The service restarts.", retryable=True),
    ProblemKind("overloaded", 503, "The service has too much to do.", retryable=True),
    ProblemKind("store_unavailable", 503, "The event store cannot be reached.", retryable=True),
    ProblemKind("outcome_unknown", 503, "It is not known whether the command was stored.", retryable=True),
    ProblemKind("unknown_event", 503, "The conversation was written by a newer release.", retryable=True),
    ProblemKind("corrupt_event", 503, "The conversation has a damaged event.", retryable=True),
)
"""The only table from codes to statuses. A code is never renamed."""

KIND_OF_CODE: Final[Mapping[str, ProblemKind]] = {kind.code: kind for kind in KINDS}

INTERNAL_ERROR: Final = KIND_OF_CODE["internal_error"]


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. `state`, `version` and `allowed` are the conversation's at the time of the refusal;
    `field` is the path of the field, or the name of the parameter or header, that has to change."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    instance: str | None = None
    field: str | None = None
    state: str | None = None
    version: int | None = None
    allowed: tuple[str, ...] | None = None
    retry_after_ms: int | None = None


_EXTRAS: Final = ("field", "state", "version", "allowed", "retry_after_ms")


def problem(kind: ProblemKind, detail: str | None = None, **extras: Any) -> Problem:
    """A problem of the kind."""
    return Problem(
        type=TYPE_PREFIX + kind.code, title=kind.title, status=kind.status, code=kind.code, detail=detail, **extras
    )


def problem_of(error: BaseException) -> Problem:
    """What a caller is told of the error. Of an error that nobody foresaw: nothing but that there was one."""
    kind = KIND_OF_CODE.get(error.code) if isinstance(error, TurnlogError) else None
    if kind is None:
        return problem(INTERNAL_ERROR)
    extras = {name: value for name in _EXTRAS if (value := getattr(error, name, None)) is not None}
    return problem(kind, str(error), **extras)
