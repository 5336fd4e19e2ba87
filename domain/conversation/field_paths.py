"""How the culprit in a command is named: `metadata.plan`, `arguments.items[3].name`.

Keys and values come from the caller, and what is said of them goes into answers and logs.
"""

from typing import Final

_MAX_KEY_CHARACTERS: Final = 64
_MAX_REASON_CHARACTERS: Final = 200


def member_path(path: str, key: object) -> str:
    """The path of a key's value."""
    return f"{path}.{shown(str(key), _MAX_KEY_CHARACTERS)}"


def item_path(path: str, index: int) -> str:
    """The path of a list's item."""
    return f"{path}[{index}]"


def shown(text: str, max_characters: int = _MAX_REASON_CHARACTERS) -> str:
    """The text of a stranger, cut, and with odd characters escaped."""
    cut = text[:max_characters]
    return cut if cut.isprintable() else ascii(cut)[1:-1]
