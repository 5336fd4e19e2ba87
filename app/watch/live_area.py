"""The lowest lines of a terminal, which are drawn anew: what is being said now, and what is being waited for."""

from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.watch.narration import DIM, Line
from app.watch.typesetting import text_of


class LiveArea:
    """Drawn anew when something changes, and under every line that is printed above it."""

    def __init__(self, console: Console, *, of_many: bool) -> None:
        self._console = console
        self._of_many = of_many
        self._lines: Sequence[Line] = ()
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

    def show(self, lines: Sequence[Line]) -> None:
        """What is being said now."""
        if lines != self._lines:
            self._lines = lines
            self._live.refresh()

    def wait(self, sentence: str | None) -> None:
        """What is being waited for; nobody is heard meanwhile."""
        self._lines, self._waiting = (), sentence
        self._live.refresh()

    def _draw(self) -> Group:
        texts = [_end_of(text_of(line, with_conversation=self._of_many), self._console.width) for line in self._lines]
        if self._waiting is not None:
            texts.append(Text(self._waiting, DIM, no_wrap=True, overflow="ellipsis"))
        return Group(*texts)


def _end_of(text: Text, width: int) -> Text:
    """Of what does not fit on a line the newest part, as that is what is being said; the columns stay."""
    excess = text.cell_len - width
    if excess <= 0:
        return text
    kept = max(width // 3, 1)
    return Text.assemble(text[:kept], "…", text[min(kept + excess + 1, len(text)) :], no_wrap=True, overflow="crop")
