"""How the culprit in a command is named: `metadata.plan`, `arguments.items[3].name`.

A key comes from the caller, and the path goes into answers and logs: so it is cut, and odd characters are escaped.
"""

from typing import Final

_MAX_KEY_CHARACTERS: Final = 64


def member_path(path: str, key: object) -> str:
    """The path of a key's value."""
    shown = str(key)[:_MAX_KEY_CHARACTERS]
    return f"{path}.{shown if shown.isprintable() else ascii(shown)[1:-1]}"


def item_path(path: str, index: int) -> str:
    """The path of a list's item."""
    return f"{path}[{index}]"
