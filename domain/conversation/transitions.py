"""The state machine of a conversation: one table, which is the code and draws the docs.

`decide` checks the sources; `evolve` uses only the target. No transition stands outside this table.
"""

from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from domain.conversation import commands as c
from domain.conversation import events as e


class State(StrEnum):
    """`IDLE` nobody has the turn. `LISTENING` the user speaks or the microphone is open. `PROCESSING` the agent works
    on the answer. `SPEAKING` the answer is being given. `ENDED` is terminal."""

    IDLE = "IDLE"
    LISTENING = "LISTENING"
    PROCESSING = "PROCESSING"
    SPEAKING = "SPEAKING"
    ENDED = "ENDED"


STAY: Final = "STAY"
"""As a target: the state after the event is the state before it."""

NOT_STARTED: Final = None
"""As a source: there is no conversation yet."""

Source = State | None
Target = State | Literal["STAY"]


class Transition(Struct, frozen=True):
    """In which states an event may happen, and the state after it."""

    sources: frozenset[Source]
    target: Target


def _row(*sources: Source, to: Target) -> Transition:
    return Transition(frozenset(sources), to)


_I, _L, _P, _S, _E = State.IDLE, State.LISTENING, State.PROCESSING, State.SPEAKING, State.ENDED
_OPEN = (_I, _L, _P, _S)
_ANY = (*_OPEN, _E)

TRANSITIONS: Final[dict[type[e.Event], Transition]] = {
    e.ConversationStarted: _row(NOT_STARTED, to=_I),
    e.ListeningStarted: _row(_I, to=_L),
    e.ListeningStopped: _row(_L, to=_I),
    e.UserMessageReceived: _row(_I, _L, to=_P),
    e.UserMessageQueued: _row(_P, _S, to=STAY),
    e.ResponseStarted: _row(_P, to=_S),
    e.ResponseCompleted: _row(_P, _S, to=_I),
    e.ResponseInterrupted: _row(_S, to=_L),
    e.ResponseCancelled: _row(_P, _S, to=_I),
    e.SpeechResumed: _row(_L, to=_S),
    e.TurnFailed: _row(_L, _P, _S, to=_I),
    e.TurnRetried: _row(_I, to=_P),
    e.ToolCallStarted: _row(_P, _S, to=STAY),
    e.ToolCallCompleted: _row(_P, _S, to=STAY),
    e.MessageRecorded: _row(*_ANY, to=STAY),  # in ENDED only within the grace period
    e.MessageCorrected: _row(*_ANY, to=STAY),
    e.FeedbackRecorded: _row(*_ANY, to=STAY),
    e.MetadataChanged: _row(*_OPEN, to=STAY),
    e.ConversationEnded: _row(*_OPEN, to=_E),
}

OPENINGS: Final[dict[type[c.Command], tuple[type[e.Event], ...]]] = {
    c.StartConversation: (e.ConversationStarted,),
    c.StartListening: (e.ListeningStarted, e.ResponseInterrupted),
    c.StopListening: (e.ListeningStopped,),
    c.SubmitUserMessage: (e.UserMessageReceived,),
    c.StartResponse: (e.ResponseStarted,),
    c.CompleteResponse: (e.ResponseCompleted,),
    c.InterruptResponse: (e.ResponseInterrupted,),
    c.CancelResponse: (e.ResponseCancelled,),
    c.ResumeSpeech: (e.SpeechResumed,),
    c.FailTurn: (e.TurnFailed,),
    c.RetryTurn: (e.TurnRetried,),
    c.StartToolCall: (e.ToolCallStarted,),
    c.CompleteToolCall: (e.ToolCallCompleted,),
    c.RecordMessage: (e.MessageRecorded,),
    c.CorrectMessage: (e.MessageCorrected,),
    c.RecordFeedback: (e.FeedbackRecorded,),
    c.ChangeMetadata: (e.MetadataChanged,),
    c.EndConversation: (e.ConversationEnded,),
}
"""The event that a command begins with where nobody else has the turn: what makes the command legal in a state."""


def may_happen(event_type: type[e.Event], state: Source) -> bool:
    """Whether the table has a row for the event in this state."""
    return state in TRANSITIONS[event_type].sources


def state_after(event_type: type[e.Event], state: Source) -> Source:
    """The state after the event, wherever it happened: history written under older rules still folds."""
    target = TRANSITIONS[event_type].target
    return state if target == STAY else target


def mermaid() -> str:
    """The table as a Mermaid state diagram; events that change no state are left to the table itself."""
    lines = ["stateDiagram-v2", "    direction LR", f"    [*] --> IDLE: {e.tag_of(e.ConversationStarted)}"]
    arrows: dict[tuple[State, State], list[str]] = {}
    for event_type, transition in TRANSITIONS.items():
        for source in _OPEN:
            if transition.target != STAY and source in transition.sources:
                arrows.setdefault((source, transition.target), []).append(e.tag_of(event_type))
    lines += [f"    {a} --> {b}: {'<br/>'.join(tags)}" for (a, b), tags in arrows.items()]
    return "\n".join([*lines, "    ENDED --> [*]"]) + "\n"
