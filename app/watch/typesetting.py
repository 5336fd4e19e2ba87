"""A line of the timeline in columns: time, conversation, seq, what it is about, what is said."""

from typing import Final

from rich.console import Console
from rich.text import Text

from app.watch.narration import DIM, Line

LABEL_WIDTH: Final = 10
SEQ_WIDTH: Final = 4
ID_CHARACTERS: Final = 8
"""Of the end of an id, which is its random part."""
TIME_CHARACTERS: Final = len("12:34:56")


def columns_width(*, of_many: bool) -> int:
    """Of everything before what is said."""
    return TIME_CHARACTERS + 1 + (ID_CHARACTERS + 1 if of_many else 0) + SEQ_WIDTH + 2 + LABEL_WIDTH + 1


def text_of(line: Line, conversation_style: str | None = None) -> Text:
    """The columns. Without a style for it the conversation is left out."""
    text = Text(no_wrap=True)
    text.append(f"{line.time} ", DIM)
    if conversation_style is not None:
        text.append(f"{short_id(line.conversation_id or ''):>{ID_CHARACTERS}} ", conversation_style)
    text.append(f"{'' if line.seq is None else line.seq:>{SEQ_WIDTH}}  ", DIM)
    text.append(f"{line.label:<{LABEL_WIDTH}} ", line.style)
    for part, style in line.parts:
        text.append(part, style)
    text.rstrip()
    return text


def hanging(text: Text, console: Console, columns_width: int) -> Text:
    """What does not fit on a line goes on under where it begins, if there is room for it."""
    room = console.width - columns_width
    if text.cell_len <= console.width or room < columns_width // 2:
        return text
    first, *others = text[columns_width:].wrap(console, room, no_wrap=False)
    indent = " " * columns_width
    return Text("\n").join([text[:columns_width] + first, *(Text(indent) + line for line in others)])


def short_id(conversation_id: str) -> str:
    """Enough of it to tell it from the others."""
    return conversation_id[-ID_CHARACTERS:]
