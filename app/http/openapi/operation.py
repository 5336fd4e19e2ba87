"""What the reference says about a route. Stands at the route itself, as its option `operation`."""

from http import HTTPStatus
from typing import Any, Final, Literal

from msgspec import Struct

OPTION: Final = "operation"
"""The name under which a route's handler keeps its operation."""

Tag = Literal[
    "Conversations", "Messages", "Commands and events", "Statistics", "Original clients", "Reference", "Health"
]

READ_PROBLEMS: Final = ("store_unavailable", "internal_error")
WRITE_PROBLEMS: Final = (
    "malformed_json",
    "invalid_command",
    "invalid_header",
    "conflict",
    "precondition_failed",
    "too_large",
    "unsupported_media_type",
    "idempotency_mismatch",
    "overloaded",
    "outcome_unknown",
    *READ_PROBLEMS,
)


class Operation(Struct, frozen=True, kw_only=True):
    """`body` and `answer` are the types of the JSON, `query` the struct whose fields are the query's parameters.

    A `write` takes Idempotency-Key and If-Match. `problems` are the codes that it can answer with beside those that
    every request can. `also` are answers that are no problems.
    `event_stream` is the query of the same route as a stream of events. `examples` are of the body, by their titles.
    """

    summary: str
    description: str
    tag: Tag
    answer: Any
    success: HTTPStatus = HTTPStatus.OK
    also: dict[HTTPStatus, Any] = {}
    event_stream: type[Struct] | None = None
    body: type[Struct] | None = None
    body_required: bool = True
    examples: dict[str, Any] = {}
    query: type[Struct] | None = None
    write: bool = False
    conditional: bool = False
    problems: tuple[str, ...] = READ_PROBLEMS
