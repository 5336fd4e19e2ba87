"""An event of the history in words, in those of the watch wherever it has some."""

from collections.abc import Mapping
from typing import Any, Final

from app.watch.narration import DIM, ERROR_STYLE, ROLE_STYLES, Part, answer_parts, details_of
from app.watch.words import shortened, words

SPACE: Final = ("  ", "")


def parts_of(event_type: str, data: Mapping[str, Any]) -> tuple[Part, ...]:
    """What happened: who said what, or the event and what it says."""
    speaker = _speaker(event_type, data)
    if speaker is not None:
        return ((speaker, ROLE_STYLES.get(speaker, "blue")), SPACE, *_said(event_type, data))
    if event_type == "turn_failed":
        text = f"{words(data.get('code'))}: {words(data.get('message'))}"
        return ((event_type, ERROR_STYLE), SPACE, (text, ERROR_STYLE))
    told = {name: value for name, value in data.items() if value not in (None, "", [], {}, False)}
    return ((words(event_type), ""), (details_of(event_type, told), DIM))


def _speaker(event_type: str, data: Mapping[str, Any]) -> str | None:
    match event_type:
        case "user_message_received" | "user_message_queued":
            return "user"
        case "response_completed" | "response_interrupted":
            return "assistant"
        case "message_recorded":
            return words(data.get("role"))
        case "message_corrected":
            return "corrected"
        case _:
            return None


def _said(event_type: str, data: Mapping[str, Any]) -> tuple[Part, ...]:
    if event_type == "response_interrupted":
        return answer_parts({**data, "text": data.get("generated_text"), "interrupted": True})
    if event_type == "user_message_received" and data.get("queued"):
        return (("takes the turn that the message has waited for", DIM),)
    note = ""
    if event_type == "user_message_queued":
        note = "  (queued)"
    elif data.get("late"):
        note = "  (late)"
    elif data.get("reason"):
        note = f"  ({shortened(data['reason'])})"
    return ((words(data.get("content")), ""), (note, DIM))
