"""The columns of the read tables that rows fill, and what stands in each: written down once for every writer."""

from typing import Final, Literal

Kind = Literal["plain", "text", "json", "time"]
"""Plain are ids, numbers, truth values and words of our own: nothing in them needs quoting."""

SESSION: Final[dict[str, Kind]] = {
    "id": "plain",
    "tenant_id": "plain",
    "user_id": "text",
    "agent": "text",
    "channel": "text",
    "language": "text",
    "parent_id": "plain",
    "policies": "json",
    "metadata": "json",
    "state": "plain",
    "started_at": "time",
    "created_at": "time",
    "last_activity_at": "time",
    "version": "plain",
    "ended_at": "time",
    "ended_reason": "plain",
    "ended_detail": "text",
    "message_count": "plain",
    "turn_count": "plain",
    "answered": "plain",
    "can_resume": "plain",
    "open_tool_calls": "plain",
    "fault_code": "text",
    "fault_message": "text",
    "fault_retryable": "plain",
}
MESSAGE: Final[dict[str, Kind]] = {
    "id": "plain",
    "session_id": "plain",
    "tenant_id": "plain",
    "role": "plain",
    "content": "text",
    "audio_url": "text",
    "metadata": "json",
    "created_at": "time",
    "turn": "plain",
    "version": "plain",
    "interrupted": "plain",
    "heard_text": "text",
    "audio_start_ms": "plain",
    "audio_end_ms": "plain",
    "language": "text",
    "confidence": "plain",
    "speaker_id": "text",
    "spoken_at": "time",
    "late": "plain",
    "response_id": "text",
    "model": "text",
    "provider": "text",
    "finish_reason": "text",
}
USAGE: Final[dict[str, Kind]] = {
    "input_tokens": "plain",
    "output_tokens": "plain",
    "cached_input_tokens": "plain",
    "input_audio_tokens": "plain",
    "output_audio_tokens": "plain",
}
MESSAGE_LATER: Final[dict[str, Kind]] = {
    "feedback_rating": "plain",
    "feedback_comment": "text",
    "corrected_at": "time",
}
MESSAGE_OF_SESSION: Final[dict[str, Kind]] = {"user_id": "text", "conversation_language": "text"}
"""What a message takes over from its conversation."""
