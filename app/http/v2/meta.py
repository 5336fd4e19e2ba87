"""`/api/v2/meta/state-machine`: the table of transitions, as data and as a picture."""

from typing import Final

from litestar import Response, get
from msgspec import Struct

from app.http.openapi.operation import Operation
from app.http.requests import HttpRequest, read_query
from app.http.responses import answer
from app.http.v2.bodies import NoParameters
from domain.conversation.commands import name_of
from domain.conversation.conversation import Status
from domain.conversation.events import tag_of
from domain.conversation.transitions import OPENINGS, TRANSITIONS, State, mermaid


class TransitionView(Struct, frozen=True, kw_only=True, rename={"sources": "from"}):
    """One row of the table. A null in `from`: there is no conversation yet. `STAY`: the state does not change."""

    event: str
    sources: tuple[State | None, ...]
    to: str


class CommandView(Struct, frozen=True, kw_only=True):
    """A command, and the events that it begins with where nobody else has the turn."""

    name: str
    opens_with: tuple[str, ...]


class StateMachineView(Struct, frozen=True, kw_only=True):
    """`statuses` are what older clients know as states; they are derived. `mermaid` draws the table."""

    states: tuple[State, ...]
    statuses: tuple[Status, ...]
    transitions: tuple[TransitionView, ...]
    commands: tuple[CommandView, ...]
    mermaid: str


def state_machine() -> StateMachineView:
    """The table as it is in the code."""
    order = (None, *State)
    return StateMachineView(
        states=tuple(State),
        statuses=tuple(Status),
        transitions=tuple(
            TransitionView(
                event=tag_of(event),
                sources=tuple(sorted(transition.sources, key=order.index)),
                to=str(transition.target),
            )
            for event, transition in TRANSITIONS.items()
        ),
        commands=tuple(
            CommandView(name=name_of(command), opens_with=tuple(tag_of(event) for event in events))
            for command, events in OPENINGS.items()
        ),
        mermaid=mermaid(),
    )


@get(
    "/api/v2/meta/state-machine",
    operation=Operation(
        tag="Reference",
        summary="The state machine",
        description="The table that decides which event may happen in which state, and the same as a Mermaid diagram.",
        answer=StateMachineView,
        problems=("invalid_query", "internal_error"),
    ),
)
async def get_state_machine(request: HttpRequest) -> Response[bytes]:
    read_query(request, NoParameters)
    return answer(state_machine())


ROUTES: Final = (get_state_machine,)
