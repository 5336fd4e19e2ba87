"""The identifiers of Turnlog. All are text; the ones that name rows are UUIDs in canonical lower case."""

from typing import Annotated, Final, NewType

from msgspec import Meta

UUID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

TenantId = NewType("TenantId", str)
ConversationId = NewType("ConversationId", str)
CommandId = NewType("CommandId", str)
EventId = NewType("EventId", str)
MessageId = NewType("MessageId", str)

CANONICAL_UUID = Meta(pattern=UUID_PATTERN, description="A UUID in canonical lower-case text.")
"""The constraint that a caller's own id must meet."""

GivenMessageId = Annotated[MessageId, CANONICAL_UUID]
GivenConversationId = Annotated[ConversationId, CANONICAL_UUID]
GivenCommandId = Annotated[CommandId, CANONICAL_UUID]

DEFAULT_TENANT: Final = TenantId("00000000-0000-0000-0000-000000000000")
"""The one tenant there is until access control names others."""
