"""What a user interface shows of a conversation: the first snapshot, and every durable message applied to it."""

from typing import Any

Json = dict[str, Any]


class Shown:
    """The state and the messages, as far as frames tell them."""

    def __init__(self) -> None:
        self._state: Json = {}
        self._messages: dict[str, Json] = {}

    def apply(self, frame: Json) -> None:
        """A frame, snapshot or not."""
        payload = frame["payload"]
        if payload.get("reason") == "snapshot":
            self._messages = {message["message_id"]: message for message in payload["messages"]}
        if frame["type"] == "state_update":
            self._state = {name: payload[name] for name in ("to", "status", "turn", "allowed")}
            if payload["reason"] == "message_corrected":
                self._messages[payload["data"]["message_id"]]["text"] = payload["data"]["content"]
        elif frame["type"] in ("transcript_update", "ai_response") and frame["seq"] is not None:
            self._say(frame)

    def as_told(self) -> tuple[Json, list[Json]]:
        """The state, and the messages in the order in which they came."""
        return self._state, sorted(self._messages.values(), key=lambda message: int(message["seq"]))

    def _say(self, frame: Json) -> None:
        payload = frame["payload"]
        known = self._messages.get(payload["message_id"])
        role = "assistant" if frame["type"] == "ai_response" else payload.get("speaker", "user")
        said = {name: payload[name] for name in ("message_id", "text", "interrupted", "heard_text") if name in payload}
        self._messages[payload["message_id"]] = said | {"role": role, "seq": known["seq"] if known else frame["seq"]}
