"""At which point of its history a conversation is asked for."""

from datetime import datetime

from app.queries import InvalidQuery


def check_moment(at_version: int | None, at: datetime | None) -> None:
    """There is one point, or none, which is now. Raises InvalidQuery."""
    if at is not None and at_version is not None:
        raise InvalidQuery("at", "and `at_version` exclude each other.")
