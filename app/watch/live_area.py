"""The lowest lines of a terminal, which are drawn anew: what is being said now, and what is being waited for."""

from collections.abc import Sequence
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.watch.narration import DIM

MAX_LINES: Final = 8
"""Of what is being said. Those who began first are shown, and for the others a line that says how many they are."""


class LiveArea:
    """Drawn anew when something changes, and under every line that is printed above it. `columns_width` is that of the
    beginning of a line, which says who speaks."""

    def __init__(self, console: Console, columns_width: int) -> None:
        self._console = console
        self._columns_width = columns_width
        self._lines: Sequence[Text] = ()
        self._waiting: str | None = None
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._lines, self._waiting = (), None
        self._live.stop()

    def show(self, lines: Sequence[Text]) -> None:
        """What is being said now."""
        if lines != self._lines:
            self._lines = lines
            self._live.refresh()

    def wait(self, sentence: str | None) -> None:
        """What is being waited for; nobody is heard meanwhile."""
        self._lines, self._waiting = (), sentence
        self._live.refresh()

    def _draw(self) -> Group:
        texts = [_end_of(line, self._console.width, self._columns_width) for line in self._lines[:MAX_LINES]]
        if len(self._lines) > MAX_LINES:
            texts.append(_dim(f"… and {len(self._lines) - MAX_LINES} more who speak"))
        if self._waiting is not None:
            texts.append(_dim(self._waiting))
        return Group(*texts)


def _dim(sentence: str) -> Text:
    return Text(sentence, DIM, no_wrap=True, overflow="ellipsis")


def _end_of(text: Text, width: int, columns_width: int) -> Text:
    """Of what does not fit on a line the newest part, as that is what is being said; the columns stay, if there is
    room for them."""
    excess = text.cell_len - width
    if excess <= 0:
        return text
    kept = max(min(columns_width, width // 2), 1)
    return Text.assemble(text[:kept], "…", text[min(kept + excess + 1, len(text)) :], no_wrap=True, overflow="crop")
