"""The SQL of this adapter: one file each, read once. A line of comment at its top says what it binds."""

from pathlib import Path
from typing import LiteralString

_FOLDER = Path(__file__).parent / "sql"


def statement(name: str) -> LiteralString:
    """The text of `sql/NAME.sql`."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
