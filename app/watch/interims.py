"""What is being said at this moment: replaced word by word, and gone when it is said for good."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from app.client.frames import Frame
from app.watch.narration import Line, said
from app.watch.words import objects_in, words

MAX_OPEN: Final = 8
"""More than can be watched; the oldest makes room."""

_Key = tuple[str | None, str, str]


class OpenInterims:
    """Of one conversation or of many. A text is kept whole, as deltas tell only what is added."""

    def __init__(self) -> None:
        self._texts: dict[_Key, _Text] = {}
        self._lines: dict[_Key, Line] = {}

    def hear(self, frame: Frame) -> Line:
        """An interim, as far as it has come."""
        key = (frame.conversation_id, frame.type, frame.key or "")
        text = self._texts.pop(key, _Text()).next(frame.payload)
        self._texts[key] = text
        speaker = "assistant" if frame.type == "ai_response" else frame.payload.get("speaker", "user")
        line = self._lines[key] = said(frame, speaker, ((text.shown(), "italic"),))
        if len(self._texts) > MAX_OPEN:
            self._forget(next(iter(self._texts)))
        return line

    def settle(self, frame: Frame) -> None:
        """Something is durable: what was under way of it is over, and so is what the new state has no room for."""
        if frame.type in ("transcript_update", "ai_response"):
            self._drop(frame.conversation_id, frame.type)
        elif frame.type == "state_update":
            state = frame.payload.get("to")
            if state != "LISTENING":
                self._drop(frame.conversation_id, "transcript_update")
            if state not in ("PROCESSING", "SPEAKING"):
                self._drop(frame.conversation_id, "ai_response")
            self._drop(frame.conversation_id, "speech_event")

    def clear(self) -> None:
        """The connection is lost, and what is said now is not heard."""
        self._texts.clear()
        self._lines.clear()

    def lines(self) -> tuple[Line, ...]:
        """All of them, as they are now."""
        return tuple(self._lines[key] for key in self._texts)

    def _drop(self, conversation_id: str | None, message_type: str) -> None:
        for key in [key for key in self._texts if key[:2] == (conversation_id, message_type)]:
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        del self._texts[key], self._lines[key]


class _Text(Struct, frozen=True):
    """`text` stands at character `start`: whoever comes late has not heard what was before."""

    start: int = 0
    text: str = ""

    def next(self, payload: Mapping[str, Any]) -> "_Text":
        """A transcript as it stands now, or an answer with what is added to it at `offset`."""
        delta, offset = payload.get("delta"), payload.get("offset")
        if not isinstance(delta, str) or not isinstance(offset, int):
            return _Text(0, _whole_text(payload))
        if not self.start <= offset <= self.start + len(self.text):
            return _Text(offset, delta)
        return _Text(self.start, self.text[: offset - self.start] + delta)

    def shown(self) -> str:
        return f"…{words(self.text)}" if self.start > 0 else words(self.text)


def _whole_text(payload: Mapping[str, Any]) -> str:
    if "event" in payload:
        return f"{words(payload['event'])} {words(payload.get('at_ms'))} ms"
    return words(payload.get("text"))


def interims_in(snapshot: Frame) -> list[Frame]:
    """What was under way when the connection began, as the frames that would have told it."""
    interims = objects_in(snapshot.payload, "interims")
    return [_interim(snapshot, interim) for interim in interims if isinstance(interim.get("payload"), dict)]


def _interim(snapshot: Frame, interim: dict[str, Any]) -> Frame:
    return Frame(
        type=words(interim.get("type")),
        payload=interim["payload"],
        epoch=snapshot.epoch,
        final=False,
        key=words(interim.get("key")),
        conversation_id=snapshot.conversation_id,
        ts=snapshot.ts,
    )
