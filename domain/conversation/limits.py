"""Every limit of a conversation, with its unit, and the constrained types that carry them to the edges."""

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta

MAX_CONTENT_BYTES: Final = 32 * 1024
MAX_METADATA_KEYS: Final = 16
MAX_METADATA_KEY_CHARACTERS: Final = 64
MAX_METADATA_VALUE_CHARACTERS: Final = 512
MAX_CONVERSATION_EVENTS: Final = 100_000
MAX_QUEUED_MESSAGES: Final = 16
MAX_OPEN_TOOL_CALLS: Final = 64
MAX_TOOL_PAYLOAD_BYTES: Final = 32 * 1024
MAX_TOOL_PAYLOAD_DEPTH: Final = 32
MAX_SEGMENTS: Final = 256
LATE_MESSAGE_GRACE_SECONDS: Final = 60
MAX_CONVERSATION_SECONDS: Final = 7 * 24 * 3600

_MAX_COUNT: Final = 2_000_000_000

Content = Annotated[str, Meta(max_length=MAX_CONTENT_BYTES, description="At most 32 KiB of UTF-8.")]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Identifier = Annotated[str, Meta(min_length=1, max_length=255)]
Note = Annotated[str, Meta(max_length=2_000)]
Url = Annotated[str, Meta(max_length=2_048)]
Language = Annotated[str, Meta(min_length=1, max_length=35, description="A BCP 47 tag, such as `de-AT`.")]
Milliseconds = Annotated[int, Meta(ge=0, le=_MAX_COUNT)]
TokenCount = Annotated[int, Meta(ge=0, le=_MAX_COUNT)]
Confidence = Annotated[float, Meta(ge=0, le=1)]
Rating = Annotated[int, Meta(ge=-1, le=5, description="-1 to 5; thumbs are -1, 0 and 1, stars are 1 to 5.")]
PolicySeconds = Annotated[int, Meta(ge=1, le=MAX_CONVERSATION_SECONDS)]
Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339 with its offset.")]
SegmentIds = Annotated[tuple[Name, ...], Meta(max_length=MAX_SEGMENTS)]
ToolArguments = dict[str, Any]
ToolResult = dict[str, Any] | list[Any] | str | int | float | bool

MetadataKey = Annotated[str, Meta(min_length=1, max_length=MAX_METADATA_KEY_CHARACTERS)]
MetadataValue = Annotated[str, Meta(max_length=MAX_METADATA_VALUE_CHARACTERS)]
GivenMetadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=MAX_METADATA_KEYS)]
MetadataChange = Annotated[dict[MetadataKey, MetadataValue | None], Meta(max_length=2 * MAX_METADATA_KEYS)]
