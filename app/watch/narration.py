"""A frame in words: which lines of the timeline it gives. What is not known is shown as it is, never refused."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from app.client.frames import Frame
from app.watch.words import objects_in, shortened, time_of_day, words

Part = tuple[str, str]
"""A piece of text and its style, as rich names it."""

DIM: Final = "dim"
ERROR_STYLE: Final = "bold red"
STATE_STYLES: Final = {
    "IDLE": "cyan",
    "LISTENING": "green",
    "PROCESSING": "yellow",
    "SPEAKING": "magenta",
    "ENDED": "bold blue",
}
ROLE_STYLES: Final = {"user": "green", "assistant": "magenta"}
_SAYS_ENOUGH: Final = {"user_message_received", "conversation_started", "listening_started", "response_started"}
_TOOL_CALLS: Final = ("tool_call_started", "tool_call_completed")


class Line(Struct, frozen=True):
    """`label` says what it is about: `state`, a role, `error`."""

    label: str
    style: str
    parts: tuple[Part, ...]
    time: str
    seq: int | None = None
    conversation_id: str | None = None


def is_snapshot(frame: Frame) -> bool:
    """Whether it shows a conversation as it is instead of what has happened."""
    return frame.type == "state_update" and frame.payload.get("reason") == "snapshot"


def lines_of(frame: Frame) -> tuple[Line, ...]:
    """The lines of a frame that is no interim and not about the connection."""
    if frame.type == "state_update":
        return _snapshot(frame) if is_snapshot(frame) else _state_update(frame)
    return (_message(frame),)


def _message(frame: Frame) -> Line:
    payload = frame.payload
    match frame.type:
        case "transcript_update":
            return said(frame, payload.get("speaker", "user"), _transcript(payload))
        case "ai_response":
            return said(frame, "assistant", answer_parts(payload))
        case "speech_event":
            return _line(frame, "speech", DIM, ((_speech(payload), DIM),))
        case "error":
            text = f"{words(payload.get('code'))}: {words(payload.get('message'))}"
            return _line(frame, "error", ERROR_STYLE, ((text, ERROR_STYLE),))
        case _:
            return _line(frame, words(frame.type), DIM, ((shortened(payload), DIM),))


def said(frame: Frame, role: Any, parts: tuple[Part, ...], seq: int | None = None) -> Line:
    """Somebody's words."""
    name = words(role)
    return _line(frame, name, ROLE_STYLES.get(name, "blue"), parts, seq)


def _snapshot(frame: Frame) -> tuple[Line, ...]:
    """The recent messages, then the state that they led to."""
    payload = frame.payload
    state = [state_part(payload.get("to")), (f" as of {words(payload.get('as_of_seq'))}", DIM)]
    if payload.get("status") != payload.get("to"):
        state.append((f", {words(payload.get('status'))}", DIM))
    return (
        *(
            said(frame, message.get("role"), answer_parts(message), _number(message.get("seq")))
            for message in objects_in(payload, "messages")
        ),
        _line(frame, "state", DIM, tuple(state), _number(payload.get("as_of_seq"))),
    )


def _state_update(frame: Frame) -> tuple[Line, ...]:
    """A move is shown as one; an event that stays is shown by what it says, if no other message has said it."""
    payload = frame.payload
    before, after, reason = payload.get("from"), payload.get("to"), words(payload.get("reason"))
    details = details_of(reason, payload.get("data"))
    if before != after:
        arrow = (state_part(before), (" → ", DIM)) if before is not None else ()
        return (_line(frame, "state", DIM, (*arrow, state_part(after), (f"  {reason}{details}", DIM))),)
    if frame.part is not None and not details:
        return ()
    label = "tool" if reason in _TOOL_CALLS else "event"
    return (_line(frame, label, "blue", ((reason, ""), (details, DIM))),)


def details_of(reason: str, data: Any) -> str:
    """What else the event says, in short."""
    if not isinstance(data, Mapping) or not data or reason in _SAYS_ENOUGH:
        return ""
    match reason:
        case "tool_call_started":
            text = f"{words(data.get('name'))} {shortened(data.get('arguments', {}))}"
        case "tool_call_completed":
            outcome = "result" if data.get("error") is None else "error"
            text = f"{outcome} {shortened(data.get(outcome))}"
        case "metadata_changed":
            text = shortened(data.get("metadata"))
        case "conversation_ended":
            text = f"{words(data.get('ended_reason'))} {shortened(data.get('detail'))}".rstrip()
        case _:
            text = shortened(data)
    return f"  {text}"


def _transcript(payload: Mapping[str, Any]) -> tuple[Part, ...]:
    queued: tuple[Part, ...] = (("  (queued)", DIM),) if payload.get("queued") else ()
    return ((words(payload.get("text")), ""), *queued)


def answer_parts(payload: Mapping[str, Any]) -> tuple[Part, ...]:
    """What was said: `text`, `interrupted`, `heard_text`. Of an answer that was interrupted, first what was heard."""
    text = words(payload.get("text"))
    if not payload.get("interrupted"):
        return ((text, ""),)
    heard = words(payload.get("heard_text"))
    unheard = text.removeprefix(heard) if heard else text
    note = f"  (interrupted, heard {len(heard)} of {len(text)} characters)" if heard else "  (interrupted)"
    return ((heard, ""), (unheard, "dim strike"), (note, DIM))


def _speech(payload: Mapping[str, Any]) -> str:
    pieces = [words(payload.get("actor")), words(payload.get("event"))]
    if payload.get("at_ms") is not None:
        pieces.append(f"at {words(payload['at_ms'])} ms")
    return " ".join(piece for piece in pieces if piece)


def state_part(name: Any) -> Part:
    """A state in its colour."""
    text = words(name)
    return text, STATE_STYLES.get(text, "bold")


def _line(frame: Frame, label: str, style: str, parts: tuple[Part, ...], seq: int | None = None) -> Line:
    seq = frame.seq if seq is None else seq
    return Line(label, style, parts, time_of_day(frame.ts), seq, frame.conversation_id)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
