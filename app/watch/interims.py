"""What is being said at this moment: replaced word by word, and gone when it is said for good."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

from msgspec import Struct

from app.client.frames import Frame
from app.watch.narration import Line, said
from app.watch.words import objects_in, words

MAX_OPEN: Final = 1_000
"""The one that was heard least recently makes room."""
QUIET_S: Final = 30.0
"""Who says nothing for so long is not speaking any more; what was said is kept for the case that more comes."""

_Key = tuple[str | None, str, str]


class OpenInterims:
    """Of one conversation or of many. A text is kept whole, as deltas tell only what is added. Whoever began first is
    first, so that a line stays where it is while it is spoken."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._texts: dict[_Key, _Text] = {}
        self._lines: dict[_Key, Line] = {}
        self._heard_at_s: dict[_Key, float] = {}

    def hear(self, frame: Frame) -> Line:
        """An interim, as far as it has come."""
        key = (frame.conversation_id, frame.type, frame.key or "")
        text = self._texts[key] = self._texts.get(key, _Text()).next(frame.payload)
        self._heard_at_s.pop(key, None)
        self._heard_at_s[key] = self._now_s()
        speaker = "assistant" if frame.type == "ai_response" else frame.payload.get("speaker", "user")
        line = self._lines[key] = said(frame, speaker, ((text.shown(), "italic"),))
        if len(self._texts) > MAX_OPEN:
            self._forget(next(iter(self._heard_at_s)))
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
        self._heard_at_s.clear()

    def lines(self) -> tuple[Line, ...]:
        """Of all who speak, as they are now."""
        quiet_since_s = self._now_s() - QUIET_S
        return tuple(line for key, line in self._lines.items() if self._heard_at_s[key] > quiet_since_s)

    def _drop(self, conversation_id: str | None, message_type: str) -> None:
        for key in [key for key in self._texts if key[:2] == (conversation_id, message_type)]:
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        del self._texts[key], self._lines[key], self._heard_at_s[key]


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
