"""One table of problems: every error has its row, and what nobody foresaw says nothing."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import structlog
from litestar import get
from structlog.testing import capture_logs

import app.wiring  # noqa: F401 - imports everything that could define an error
from app.problems import KIND_OF_CODE, KINDS, problem_of
from domain.conversation.errors import Busy
from domain.conversation.transitions import State
from domain.errors import Overloaded, TurnlogError
from tests.support.server import RunningServer, application_of, http_client, serving

OURS_ALONE = {"command_repeated", "checkpoint_moved", "rows_rejected", "tables_refused"}
"""Codes of errors that never leave the service: somebody inside always deals with them."""

OF_OPERATORS = {"rebuild_refused", "not_projectable", "not_the_owner"}
"""Codes of what the commands of an operator refuse, which are sentences at a terminal."""

MAY_SUCCEED_LATER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}

SECRET = "my card is 4111 1111"


def all_errors(base: type[TurnlogError] = TurnlogError) -> Iterator[type[TurnlogError]]:
    for error in base.__subclasses__():
        yield error
        yield from all_errors(error)


def test_every_error_has_its_row() -> None:
    codes = {error.code for error in all_errors() if hasattr(error, "code")}

    assert codes - OURS_ALONE - OF_OPERATORS <= set(KIND_OF_CODE)


def test_codes_and_statuses() -> None:
    assert len(KIND_OF_CODE) == len(KINDS)
    for kind in KINDS:
        assert kind.title.endswith(".")
        assert 400 <= HTTPStatus(kind.status) < 600
        assert kind.retryable is (kind.status in MAY_SUCCEED_LATER)


def test_a_refusal_tells_what_helps() -> None:
    problem = problem_of(Busy("The agent has the turn.", State.SPEAKING, 7, ("complete_response",)))

    assert (problem.status, problem.code, problem.detail) == (409, "busy", "The agent has the turn.")
    assert (problem.state, problem.version, problem.allowed) == ("SPEAKING", 7, ("complete_response",))


def test_an_overload_tells_when_to_come_back() -> None:
    problem = problem_of(Overloaded(retry_after_ms=250))

    assert (problem.status, problem.retry_after_ms) == (503, 250)


@pytest.mark.parametrize("error", [ValueError(SECRET), RecursionError(SECRET), KeyError(SECRET)])
def test_what_nobody_foresaw_says_nothing(error: Exception) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code, problem.detail) == (500, "internal_error", None)


async def test_what_nobody_foresaw_is_logged_by_its_type_alone(server: RunningServer) -> None:
    @get("/broken")
    async def broken() -> None:
        raise ValueError(SECRET)

    structlog.reset_defaults()
    application = application_of(server.parts)
    application.register(broken)
    with capture_logs() as logs:
        async with serving(application) as address, http_client(address) as client:
            response = await client.get("/broken", params={"q": SECRET})

    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"], problem["instance"]) == (500, "internal_error", "/broken")
    assert "detail" not in problem
    assert SECRET not in response.text
    failures = [log for log in logs if log["event"] == "request_failed"]
    assert [(log["error"], log["path"]) for log in failures] == [("ValueError", "/broken")]
    assert SECRET not in str(logs)
