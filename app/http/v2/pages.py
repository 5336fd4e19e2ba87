"""Lists as they are answered."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from app.http.v2.bodies import Page


class Identified(Protocol):
    """Whatever has an id."""

    @property
    def id(self) -> str:
        """By which a cursor finds it."""
        ...


Item = TypeVar("Item", bound=Identified)


def page_of(items: Sequence[Item], *, has_more: bool) -> Page[Item]:
    """The items with the ids of the first and the last of them."""
    first_id, last_id = (items[0].id, items[-1].id) if items else (None, None)
    return Page(data=tuple(items), first_id=first_id, last_id=last_id, has_more=has_more)
