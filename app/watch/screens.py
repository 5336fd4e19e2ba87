"""Where the frames of what is watched end up: a timeline for people, or lines of JSON for programs."""

import sys
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from rich.console import Console
from rich.text import Text

from app.client.frames import Frame
from app.watch.interims import OpenInterims, interims_in
from app.watch.live_area import LiveArea
from app.watch.narration import DIM, Line, is_snapshot, lines_of
from app.watch.typesetting import columns_width, hanging, short_id, text_of

MAX_KNOWN_CONVERSATIONS: Final = 10_000
CONVERSATION_STYLES: Final = (
    "bright_cyan",
    "bright_yellow",
    "bright_magenta",
    "bright_green",
    "bright_blue",
    "bright_red",
)
"""By turns, as conversations appear."""


class Screen(Protocol):
    """Shows what happens."""

    wants_interims: bool
    """Whether what is being said is of any use here."""

    def hear(self, frame: Frame, text: bytes) -> None:
        """The next frame, also as it came."""
        ...

    def note(self, sentence: str) -> None:
        """Something about the connection."""
        ...

    def wait(self, sentence: str | None) -> None:
        """What is being waited for just now; null: nothing any more."""
        ...

    def start_over(self) -> None:
        """What follows is another history: nothing of it was shown before."""
        ...


class JsonLines:
    """Every frame as one line; what is said beside them goes to `say`."""

    def __init__(self, say: Callable[[str], None], *, with_interims: bool) -> None:
        self._say = say
        self.wants_interims = with_interims

    def hear(self, frame: Frame, text: bytes) -> None:  # noqa: ARG002 - as it came
        """Write it out at once."""
        sys.stdout.write(msgspec.json.format(text, indent=-1).decode() + "\n")
        sys.stdout.flush()

    def note(self, sentence: str) -> None:
        """Beside the frames."""
        self._say(sentence)

    def wait(self, sentence: str | None) -> None:
        """Nobody looks on."""

    def start_over(self) -> None:
        """Every frame is written anyway."""


class Timeline:
    """Lines of text, and under them, at a terminal, what is being said now. `of_many`: each line names its
    conversation."""

    def __init__(self, console: Console, area: LiveArea | None, *, of_many: bool, with_interims: bool) -> None:
        self._console = console
        self._area = area
        self._of_many = of_many
        self._with_interims = with_interims
        self._interims = OpenInterims()
        self._styles: dict[str, str] = {}
        self._last_seq = 0
        self.wants_interims = with_interims or area is not None

    def hear(self, frame: Frame, text: bytes) -> None:  # noqa: ARG002 - in words
        """Show what the frame says; of the connection its client tells."""
        if not frame.final:
            self._hear_interim(frame)
        elif not _is_of_the_connection(frame):
            self._settle(frame)
        if self._area is not None:
            self._area.show([self._text_of(line) for line in self._interims.lines()])

    def note(self, sentence: str) -> None:
        """One dim line."""
        self._console.print(Text(sentence, DIM), soft_wrap=True)

    def wait(self, sentence: str | None) -> None:
        """Whoever waits for the service hears nobody meanwhile."""
        self._interims.clear()
        if self._area is not None:
            self._area.wait(sentence)

    def start_over(self) -> None:
        """Forget what was shown."""
        self._last_seq = 0

    def _settle(self, frame: Frame) -> None:
        self._interims.settle(frame)
        lines = lines_of(frame)
        if is_snapshot(frame):
            *messages, state = lines
            lines = (*(line for line in messages if (line.seq or 0) > self._last_seq), state)
        for line in lines:
            self._print(line)
        self._last_seq = max(self._last_seq, frame.seq or 0, *(line.seq or 0 for line in lines), 0)
        for interim in interims_in(frame):
            self._hear_interim(interim)

    def _hear_interim(self, frame: Frame) -> None:
        line = self._interims.hear(frame)
        if self._with_interims and self._area is None:
            self._print(line)

    def _print(self, line: Line) -> None:
        text = self._text_of(line)
        if self._area is not None:
            text = hanging(text, self._console, columns_width(of_many=self._of_many))
        self._console.print(text, soft_wrap=True)

    def _text_of(self, line: Line) -> Text:
        return text_of(line, self._style_of(line.conversation_id) if self._of_many else None)

    def _style_of(self, conversation_id: str | None) -> str:
        """What tells the conversation from the others. The first time, its id is told."""
        if conversation_id is None:
            return DIM
        style = self._styles.get(conversation_id)
        if style is None:
            if len(self._styles) >= MAX_KNOWN_CONVERSATIONS:
                self._styles.clear()
            style = CONVERSATION_STYLES[len(self._styles) % len(CONVERSATION_STYLES)]
            self._styles[conversation_id] = style
            self.note(f"{short_id(conversation_id)} is conversation {conversation_id}")
        return style


def _is_of_the_connection(frame: Frame) -> bool:
    return frame.type in ("connection_status", "ack") or (frame.type == "error" and bool(frame.payload.get("fatal")))
