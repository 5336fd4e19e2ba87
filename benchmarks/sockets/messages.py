"""What is sent: commands of a turn, and broadcasts of about 230 bytes. The peers get the very same JSON to carry."""

import json
from typing import Any, Final

from uuid_utils import uuid7

from benchmarks import payload

TEXT: Final = payload.EVENT["content"]
TURN: Final = (
    ("submit_user_message", {"content": TEXT, "language": "en", "confidence": 0.97}),
    ("start_response", {"model": "model-1", "provider": "provider-1"}),
    ("complete_response", {"content": TEXT, "finish_reason": "stop"}),
)
RECORDED: Final = ("record_message", {"role": "tool", "content": TEXT})


def _after_the_id(name: str, payload: dict[str, Any]) -> bytes:
    return json.dumps({"name": name, "payload": payload}, separators=(",", ":")).encode()[1:]


_TURN: Final = tuple(_after_the_id(*command) for command in TURN)
_RECORDED: Final = _after_the_id(*RECORDED)


def turn_command(number: int) -> bytes:
    """The next command of a conversation: its turns follow each other without end."""
    return _command(_TURN[number % len(_TURN)])


def recorded_message(_number: int) -> bytes:
    return _command(_RECORDED)


def interim(number: int) -> bytes:
    """What a client of Turnlog sends; the service makes a message as below of it."""
    return b'{"type":"interim","payload":{"event":"playback_progress","at_ms":%d}}' % number


def broadcast(number: int) -> bytes:
    """What a client of a peer sends: as long as that which Turnlog broadcasts, since a peer adds nothing."""
    return (
        b'{"type":"speech_event","conversation_id":"0198f6a0-7c1e-7d2a-9b4e-3f5a6b7c8d9e","epoch":"0198f6a07c1e",'
        b'"ts":"2026-01-01T12:00:00.123456Z","seq":null,"payload":{"event":"playback_progress","at_ms":%d},'
        b'"final":false}' % number
    )


def _command(after_the_id: bytes) -> bytes:
    return b'{"type":"command","id":"%b",%b' % (str(uuid7()).encode(), after_the_id)
