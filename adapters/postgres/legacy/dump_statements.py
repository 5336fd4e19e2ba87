"""A plain SQL dump taken apart: its statements, and the blocks of data that follow a COPY."""

import re
from collections.abc import Iterator
from typing import Final

from adapters.postgres.legacy.errors import LegacyUnreadable

MAX_STATEMENT_CHARACTERS: Final = 256 * 2**20

_OPENING: Final = re.compile(r"(?<![\w$])[eE]'|'|\"|--|/\*|(?<![\w$])\$(?:[A-Za-z_]\w*)?\$|;")
_CLOSING: Final = {
    "'": re.compile("'"),
    "e'": re.compile(r"\\.|''|'", re.DOTALL),
    '"': re.compile('"'),
    "/*": re.compile(r"\*/"),
}
_BLANK: Final = re.compile(r"\s*(--.*)?")
_FIRST_WORDS: Final = "-- PostgreSQL database dump"
_LAST_WORDS: Final = "-- PostgreSQL database dump complete"
_META_COMMAND: Final = "\\"


class DumpReader:
    """Reads lines once, from the first to the last. After a COPY its data is taken with `data`, or passed over."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._is_begun = False
        self._rest = ""

    def statements(self) -> Iterator[str]:
        """Each statement with its semicolon, without the comments in front of it.

        Raises:
            LegacyUnreadable: the dump is not whole.
        """
        text, scanner = "", _Scanner()
        for line in self._all_lines():
            if not text and (_BLANK.fullmatch(line.rstrip("\r\n")) or line.startswith(_META_COMMAND)):
                self._heed(line)
                continue
            end = scanner.end_of_statement(line)
            text += line if end is None else line[:end]
            if len(text) > MAX_STATEMENT_CHARACTERS:
                raise LegacyUnreadable("The dump has a statement of more than 256 MiB. Is it a plain SQL dump?")
            if end is not None:
                self._rest = line[end:]
                yield text.strip()
                text = ""
        if text:
            raise LegacyUnreadable("The dump ends in the middle of a statement. Was it cut off?")
        if self._is_begun:
            raise LegacyUnreadable("The dump has a beginning and no end. Was it cut off?")

    def data(self) -> Iterator[str]:
        """The lines of a COPY's data, without the last one, which says that it is the last."""
        self._rest = ""
        for line in self._lines:
            if line.rstrip("\r\n") == "\\.":
                return
            yield line
        raise LegacyUnreadable("The dump ends in the middle of a table. Was it cut off?")

    def _heed(self, comment: str) -> None:
        """pg_dump says where it begins and where it is complete."""
        if comment.startswith(_FIRST_WORDS):
            self._is_begun = not comment.startswith(_LAST_WORDS)

    def _all_lines(self) -> Iterator[str]:
        while True:
            if self._rest:
                line, self._rest = self._rest, ""
                yield line
                continue
            next_line = next(self._lines, None)
            if next_line is None:
                return
            yield next_line


class _Scanner:
    """Knows, from line to line, whether it stands in a text, a name or a comment, where a semicolon ends nothing."""

    def __init__(self) -> None:
        self._inside: str | None = None

    def end_of_statement(self, line: str) -> int | None:
        """Behind the first semicolon that ends the statement; None where it goes on in the next line."""
        position = 0
        while True:
            if self._inside is not None:
                closed_at = self._close(line, position)
                if closed_at is None:
                    return None
                position = closed_at
            opening = _OPENING.search(line, position)
            if opening is None or opening[0] == "--":
                return None
            if opening[0] == ";":
                return opening.end()
            self._inside = opening[0].lower() if opening[0][-1] == "'" else opening[0]
            position = opening.end()

    def _close(self, line: str, position: int) -> int | None:
        inside = self._inside or ""
        closing = _CLOSING.get(inside) or re.compile(re.escape(inside))
        for match in closing.finditer(line, position):
            if inside != "e'" or match[0] == "'":
                self._inside = None
                return match.end()
        return None
