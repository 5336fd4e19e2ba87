"""A dialogue as a play: what is sent, step by step, and everything that the service must make of it."""

import re
from typing import Any, Final

from msgspec import Struct

from app.replay.dialogues import Dialogue, Turn

MAX_INTERIMS_PER_TURN: Final = 64
"""Longer turns are spoken several words at a time: each interim transcript repeats all that was said before."""

_WORD: Final = re.compile(r"\S+\s*|\s+")


class ExpectedEvent(Struct, frozen=True):
    """The next event that the conversation must have. `text` is what it must say, where it says something."""

    reason: str
    state_after: str
    text: str | None = None


class Interim(Struct, frozen=True):
    """Broadcast while somebody speaks; never stored."""

    payload: dict[str, Any]
    word_count: int


class Step(Struct, frozen=True, kw_only=True):
    """The interims, word by word, and then the command that they lead to."""

    command: str
    payload: dict[str, Any]
    events: tuple[ExpectedEvent, ...]
    interims: tuple[Interim, ...] = ()
    begins_turn: bool = False


class ExpectedMessage(Struct, frozen=True):
    """What the list of messages must show."""

    role: str
    content: str


class Script(Struct, frozen=True, kw_only=True):
    """`ending` are the events of the command that ends the conversation."""

    steps: tuple[Step, ...]
    ending: tuple[ExpectedEvent, ...]
    messages: tuple[ExpectedMessage, ...]


def script_of(dialogue: Dialogue) -> Script:
    """Every turn in its order. A dialogue may leave a question unanswered or let the agent speak unasked."""
    steps: list[Step] = []
    is_asked = False
    for number, turn in enumerate(dialogue.turns, start=1):
        match turn.role, is_asked:
            case "user", False:
                steps += _question(turn, number)
            case "user", True:
                steps += [_no_answer(), *_question(turn, number)]
            case "assistant", True:
                steps += _answer(turn, number)
            case _:
                steps.append(_unasked(turn))
        is_asked = turn.role == "user"
    ended = ExpectedEvent("conversation_ended", "ENDED")
    return Script(
        steps=tuple(steps),
        ending=(_CANCELLED, ended) if is_asked else (ended,),
        messages=tuple(ExpectedMessage(turn.role, turn.utterance) for turn in dialogue.turns),
    )


_CANCELLED: Final = ExpectedEvent("response_cancelled", "IDLE")


def _question(turn: Turn, number: int) -> tuple[Step, ...]:
    segment_id = f"segment-{number}"
    listening = Step(
        command="start_listening",
        payload={"source": "voice"},
        events=(ExpectedEvent("listening_started", "LISTENING"),),
        begins_turn=True,
    )
    message = Step(
        command="submit_user_message",
        payload={"content": turn.utterance, "segment_ids": [segment_id]},
        events=(ExpectedEvent("user_message_received", "PROCESSING", turn.utterance),),
        interims=_transcripts(segment_id, turn.utterance),
    )
    return listening, message


def _no_answer() -> Step:
    return Step(command="cancel_response", payload={"reason": "The dialogue has no answer here."}, events=(_CANCELLED,))


def _answer(turn: Turn, number: int) -> tuple[Step, ...]:
    response_id = f"response-{number}"
    speaking = Step(
        command="start_response",
        payload={"response_id": response_id},
        events=(ExpectedEvent("response_started", "SPEAKING"),),
        begins_turn=True,
    )
    message = Step(
        command="complete_response",
        payload={"response_id": response_id, "content": turn.utterance, "finish_reason": "stop"},
        events=(ExpectedEvent("response_completed", "IDLE", turn.utterance),),
        interims=_deltas(response_id, turn.utterance),
    )
    return speaking, message


def _unasked(turn: Turn) -> Step:
    return Step(
        command="record_message",
        payload={"role": "assistant", "content": turn.utterance},
        events=(ExpectedEvent("message_recorded", "IDLE", turn.utterance),),
        begins_turn=True,
    )


def _transcripts(segment_id: str, text: str) -> tuple[Interim, ...]:
    """The transcript as it grows; each revision replaces the one before."""
    spoken, interims = "", []
    for revision, (piece, word_count) in enumerate(_pieces(text), start=1):
        spoken += piece
        payload = {"segment_id": segment_id, "revision": revision, "text": spoken, "is_final": False}
        interims.append(Interim(payload, word_count))
    return tuple(interims)


def _deltas(response_id: str, text: str) -> tuple[Interim, ...]:
    """What is added to the answer, and at which character."""
    offset, interims = 0, []
    for piece, word_count in _pieces(text):
        payload = {"response_id": response_id, "offset": offset, "delta": piece}
        interims.append(Interim(payload, word_count))
        offset += len(piece)
    return tuple(interims)


def _pieces(text: str) -> list[tuple[str, int]]:
    """The text in words, or in groups of words where there are many, and the number of words in each."""
    words = _WORD.findall(text)
    size = -(-len(words) // MAX_INTERIMS_PER_TURN) or 1
    groups = [words[start : start + size] for start in range(0, len(words), size)]
    return [("".join(group), len(group)) for group in groups]
