"""docs/reference/original-clients.md: how old wishes become commands, written from the tables that decide it."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from app.use_cases.original_payloads import OriginalAnswer, OriginalSpeech, OriginalState, OriginalTranscript
from app.use_cases.original_table import SPEECH_TABLE, STATE_TABLE, command_for
from app.use_cases.original_wishes import SPEAKERS, SpeechWish, StateWish, Wish
from domain.conversation.commands import name_of
from domain.conversation.conversation import Conversation, Fault, Response
from domain.conversation.decider import decide
from domain.conversation.errors import StateRefusal
from domain.conversation.transitions import State
from domain.conversation.values import Policies
from domain.envelope import Actor, Issued, Origin
from domain.ids import DEFAULT_TENANT, CommandId, ConversationId, MessageId

_TRUE: Final = "-"
_ORIGIN: Final = Origin(
    command_id=CommandId("any"), occurred_at=datetime(2026, 1, 1, tzinfo=UTC), actor=Actor(), digest=""
)

_INTRODUCTION: Final = """\
# Original clients

Generated from `app/use_cases/original_*.py` by `turnlog docs`; do not edit.

Clients of the older protocol know seven states, six types of messages and no versions. They go on as they are: their
frames and their requests become the same commands that everybody sends, decided by the same state machine, and stored
as the same events.

- **What they are told.** Over the socket the six types that they know; the seven-valued state is `status` of a
  `state_update`, and over REST it is `state`. `WAITING_FOR_USER` and `ERROR` are derived and never stored.
- **What they send over the socket**: `{"type": ..., "payload": {...}}` with one of the four types below. What is stored
  is answered with `ack`, what is refused with `error`. An `id` or `message_id` beside the payload that is a UUID is the
  command's id: the frame can be sent again. What is only broadcast has no answer.
- **What they send over REST**: `GET` and `POST /api/conversations/{id}/state`, `POST .../transcript` and
  `POST .../ai-response`, with the payloads below as bodies. `Idempotency-Key`, `If-Match`, `ETag` and problems are as
  in [REST v2](rest.md).
- **What they may leave out or add**: fields that are not named here are passed over, times among them. What is named
  is held to the limits of the commands, and refused by its name.

New clients send commands: they say which one they mean, and can name the version that they mean it for.
"""

_FIELDS: Final = """\
## Fields

Names that stand for one field are told in the remarks; the first that is given, in the order of the table, counts.

| Sent as | Fields | Remarks |
| --- | --- | --- |
"""

_STATES: Final = """\
## A state that is wished for

The columns are the state that the conversation is in. *-*: true already, a success that stores nothing; so is, whatever
the table says, the `status` that the conversation shows. *refused*: `invalid_transition`, with the commands that are
allowed. What has a question mark is refused where its own condition is not met: `start_listening` in `PROCESSING` as
`busy` by the policy `on_busy`, `resume_speech` and a second interruption where nothing was interrupted, `retry_turn`
without a fault that is retryable, `ERROR` in `IDLE` without a fault.

`PROCESSING` is what the user's message leads to, and no wish alone: send the final transcript. `WAITING_FOR_USER` in
the middle of an answer gives the answer up; send its text first. `SPEAKING` behind the final text comes too late: the
turn is over with the text.

"""

_SPEECH: Final = """\
## A speech event

Who speaks is `actor`, or `speaker`; where neither is given it is the user who has started, stopped or interrupted, and
the agent who has resumed. That the agent has stopped, and `playback_progress`, are broadcast only: an answer is over
with its text.

"""

_MESSAGES: Final = f"""\
## A transcript or an answer

Speakers: {", ".join(f"`{word}`" for word in SPEAKERS)}; the user where none is given.
`agent`, `ai` and `bot` are other words for `assistant`, `human` is one for `user`.

| What | Becomes |
| --- | --- |
| a transcript that is not final | an interim `transcript_update`, broadcast only; without a `segment_id` it replaces the last of its speaker |
| a final transcript of the user | `submit_user_message`; while the agent has the turn `on_busy` decides |
| a final answer, or a final transcript of the agent, in `PROCESSING` or `SPEAKING` | `complete_response` |
| the same in another state | `record_message`; with the `response_id` of the answer that was given last it is refused as `response_over` |
| a final transcript of anybody else | `record_message` |
| a transcript of the agent that is not final | an interim `ai_response` with all of it, broadcast only |
| a `delta` of an answer | an interim `ai_response`, broadcast only; without an `offset` it stands where the pieces so far end |
| the text of an answer that is not final | an interim `ai_response` with all of it, broadcast only |
"""  # noqa: E501 - the rows of a table cannot be broken


def original_clients_page() -> str:
    """The text of docs/reference/original-clients.md."""
    states = _table("Wish", {f"`{wish}`": StateWish(status=wish) for wish in STATE_TABLE})
    speech = _table(
        "Event", {f"`{event}`, {actor}": SpeechWish(event=event, actor=actor) for event, actor in SPEECH_TABLE}
    )
    return "\n".join([_INTRODUCTION, _FIELDS + _fields(), _STATES + states, _SPEECH + speech, _MESSAGES])


def _fields() -> str:
    payloads: dict[str, type[Struct]] = {
        "`state_update`, `/state`": OriginalState,
        "`transcript_update`, `/transcript`": OriginalTranscript,
        "`ai_response`, `/ai-response`": OriginalAnswer,
        "`speech_event`": OriginalSpeech,
    }
    return "".join(
        f"| {sent_as} | {', '.join(f'`{name}`' for name in payload.__struct_fields__)} | {_remarks(payload)} |\n"
        for sent_as, payload in payloads.items()
    )


def _remarks(payload: type[Struct]) -> str:
    return " ".join((payload.__doc__ or "").split())


def _table(heading: str, rows: dict[str, Wish]) -> str:
    lines = [f"| {heading} | {' | '.join(f'`{state}`' for state in State)} |\n", "| --- " * (1 + len(State)) + "|\n"]
    for name, wish in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell(wish, state) for state in State)} |\n")
    return "".join(lines)


def _cell(wish: Wish, state: State) -> str:
    """What comes of the wish, in the words of the page."""
    at_worst = _outcome(wish, _conversation(state, at_best=False))
    at_best = _outcome(wish, _conversation(state, at_best=True))
    return at_best if at_best == at_worst else f"{at_best}?"


def _outcome(wish: Wish, conversation: Conversation) -> str:
    command = command_for(wish, conversation)
    if command is None:
        return _TRUE
    try:
        events = decide(Issued(command=command, origin=_ORIGIN), conversation)
    except StateRefusal:
        return "refused"
    return f"`{name_of(type(command))}`" if events else _TRUE


def _conversation(state: State, *, at_best: bool) -> Conversation:
    """One in this state, in which everything that may depend on more is as it must be, or is not."""
    answer = Response("answer", MessageId("answer"))
    fault = Fault(code="any", message="", retryable=True)
    return Conversation(
        id=ConversationId("any"),
        tenant_id=DEFAULT_TENANT,
        version=1,
        state=state,
        response=answer if state is State.SPEAKING else None,
        interrupted=answer if state is State.LISTENING and at_best else None,
        fault=fault if state is State.IDLE and at_best else None,
        policies=Policies(on_busy="interrupt" if at_best else "reject"),
    )
