"""The interim that waits until there is room for it: at most one, since a newer one says what an older one did."""

from typing import Any

Payload = dict[str, Any]


class WaitingInterim:
    """Transcripts are replaced by their next revision; deltas are joined, so that no character is left out."""

    def __init__(self) -> None:
        self._payload: Payload | None = None

    def add(self, payload: Payload) -> bool:
        """The newest interim; whether it made a waiting one superfluous."""
        before, self._payload = self._payload, payload
        if before is not None and is_joined(before, payload):
            self._payload = payload | {"offset": before["offset"], "delta": before["delta"] + payload["delta"]}
        return before is not None

    def take(self) -> Payload:
        """What is to be sent now."""
        payload, self._payload = self._payload, None
        assert payload is not None
        return payload

    def drop(self) -> bool:
        """The final text is about to be sent and says it all; whether anything was waiting."""
        was_waiting = self._payload is not None
        self._payload = None
        return was_waiting


def is_joined(before: Payload, after: Payload) -> bool:
    """Whether both are deltas of one answer, the second where the first ends."""
    return (
        "delta" in before
        and "delta" in after
        and before["response_id"] == after["response_id"]
        and before["offset"] + len(before["delta"]) == after["offset"]
    )
