"""docs/reference/state-machine.md: the table of events and the commands, written by the code that obeys them."""

from typing import Final

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from domain.conversation.commands import COMMAND_TYPES, Command, name_of
from domain.conversation.events import EVENT_TYPES, Event, tag_of
from domain.conversation.limits import LATE_MESSAGE_GRACE_SECONDS
from domain.conversation.transitions import NOT_STARTED, OPENINGS, STAY, TRANSITIONS, Source, State, Target, mermaid

_INTRODUCTION: Final = """\
# State machine

Generated from `domain/conversation/` by `turnlog docs`; do not edit.

A command asks; an event is a fact. A conversation is the fold of its events, and its version is their number.

| State | Meaning |
| --- | --- |
| `IDLE` | Nobody has the turn. |
| `LISTENING` | The user is speaking, or the microphone is open. |
| `PROCESSING` | The user's message is complete, and the agent works on the answer. |
| `SPEAKING` | The agent's answer is being given. |
| `ENDED` | Terminal. |

Older clients know two more, which are derived and never stored: `WAITING_FOR_USER` is `IDLE` after an answered turn,
`ERROR` is `IDLE` while the fault of the last turn stands. Both are the `status` of a conversation beside its `state`.
"""

_EVENTS: Final = f"""\
## Events

No transition stands outside this table. An event that may not happen in a state is never stored, and the command that
asked for it is refused with `invalid_transition`, the state, the version and the commands that are allowed. Fields with
a question mark may be absent; `same` leaves the state as it is. After the end a message is recorded for
{LATE_MESSAGE_GRACE_SECONDS} s more.

| Event | From | To | What it records |
| --- | --- | --- | --- |
"""

_COMMANDS: Final = """\
## Commands

A command begins with the event beside it. While the agent has the turn the conversation's policy `on_busy` decides on
`submit_user_message` and `start_listening`: `reject` refuses with `busy`; `interrupt` closes the turn first; `enqueue`
keeps a message (`user_message_queued`) until the turn is over, and refuses `start_listening` with `busy`.
`start_listening` in `SPEAKING` is a barge-in under every policy. `end_conversation` closes an open turn first. A
command whose wish is true already succeeds without an event.

| Command | Begins with | Fields | Remarks |
| --- | --- | --- | --- |
"""

_DURABILITY: Final = """\
## Durability class

| What | Class | Meaning |
| --- | --- | --- |
| Every event of the table above | durable | Acknowledged when committed and flushed. Has a version, is replayed. |
| Interim transcripts, deltas of an answer, playback progress | ephemeral | Broadcast only. What was missed is gone. |

Interim transcripts and answer deltas are not events. They carry a `segment_id` or `response_id` and a rising revision;
a user interface replaces the older one and never appends. Only the final text becomes an event.
"""


def state_machine_page() -> str:
    """The text of docs/reference/state-machine.md."""
    events = "".join(_event_row(event_type) for event_type in EVENT_TYPES)
    commands = "".join(_command_row(command_type) for command_type in COMMAND_TYPES)
    picture = f"```mermaid\n{mermaid()}```\n"
    return "\n".join([_INTRODUCTION, picture, _EVENTS + events, _COMMANDS + commands, _DURABILITY])


def _event_row(event_type: type[Event]) -> str:
    transition = TRANSITIONS[event_type]
    sources = ", ".join(_state(source) for source in (NOT_STARTED, *State) if source in transition.sources)
    return f"| `{tag_of(event_type)}` | {sources} | {_target(transition.target)} | {_fields(event_type)} |\n"


def _command_row(command_type: type[Command]) -> str:
    openings = ", ".join(f"`{tag_of(event_type)}`" for event_type in OPENINGS[command_type])
    remarks = " ".join((vars(command_type).get("__doc__") or "").split())
    return f"| `{name_of(command_type)}` | {openings} | {_fields(command_type)} | {remarks} |\n"


def _state(source: Source) -> str:
    return "(none)" if source is NOT_STARTED else f"`{source}`"


def _target(target: Target) -> str:
    return "same" if target == STAY else f"`{target}`"


def _fields(struct_type: type[Struct]) -> str:
    names = (f"`{f.name}`{'' if _is_required(f.default, f.default_factory) else '?'}" for f in fields(struct_type))
    return ", ".join(names) or "-"


def _is_required(default: object, default_factory: object) -> bool:
    return default is NODEFAULT and default_factory is NODEFAULT
