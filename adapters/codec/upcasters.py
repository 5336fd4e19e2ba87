"""What turns the `data` of an older schema version into that of the next: pure functions from a dict to a dict.

How an event is evolved, and when this is the way to do it, is in `docs/how-to/evolve-an-event.md`.
"""

from collections.abc import Callable
from typing import Any, Final

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Final[dict[str, tuple[Upcaster, ...]]] = {}
"""By tag, the upcasters from version 1 on: the first makes version 2 of version 1, and so on. An event that is not
here has always been in version 1."""
