"""What turns the `data` of an older schema version into that of the next: pure functions from a dict to a dict.

How an event is evolved, and when this is the way to do it, is in `docs/how-to/evolve-an-event.md`.
"""

from collections.abc import Callable
from typing import Any, Final

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _feedback_with_its_scale(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had thumbs from -1 to 1 and stars from 1 to 5 in one field; of a 1 nobody can tell which it was."""
    rating = data["rating"]
    if rating == 1:
        return data
    return {**data, "scale": "stars" if rating > 1 else "thumbs"}


UPCASTERS: Final[dict[str, tuple[Upcaster, ...]]] = {"feedback_recorded": (_feedback_with_its_scale,)}
"""By tag, the upcasters from version 1 on: the first makes version 2 of version 1, and so on. An event that is not
here has always been in version 1.

An upcaster stands alone: it says what was meant then, whatever the domain says today."""
