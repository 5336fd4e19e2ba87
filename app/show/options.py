"""What is shown, and how."""

from datetime import datetime

from msgspec import Struct


class Options(Struct, frozen=True, kw_only=True):
    """Up to `at_version`, or before the first event that occurred after `at`; up to now where both are null."""

    url: str
    conversation_id: str
    at_version: int | None
    at: datetime | None
    with_color: bool
    as_json: bool

    @property
    def moment(self) -> dict[str, str]:
        """The query that asks for it."""
        if self.at_version is not None:
            return {"at_version": str(self.at_version)}
        return {} if self.at is None else {"at": self.at.isoformat()}
