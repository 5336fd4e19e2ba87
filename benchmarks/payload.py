"""The event that every subject stores: about 300 bytes of JSON, as a short message of a dialogue takes."""

import json
from typing import Final

TOPIC: Final = "user_message_received:1"

EVENT: Final = {
    "message_id": "0198f6a0-7c1e-7d2a-9b4e-3f5a6b7c8d9e",
    "turn": 7,
    "role": "user",
    "content": "I would like a table for four people at eight, somewhere quiet and not too far from the river.",
    "language": "en",
    "confidence": 0.97,
    "audio_start_ms": 18240,
    "audio_end_ms": 22910,
    "speaker_id": "speaker-1",
    "spoken_at": "2026-01-01T12:00:00Z",
}

JSON_TEXT: Final = json.dumps(EVENT, separators=(",", ":"))
STATE: Final = JSON_TEXT.encode()
