"""Ids of what is imported: a UUID is kept, so that clients who know it go on; any other is worked out from the old one.

The same row has the same ids in every run, which is why running again adds nothing.
"""

import json
import re
from typing import Final
from uuid import UUID, uuid5

from msgspec import Struct

from domain.ids import UUID_PATTERN, CommandId, ConversationId, MessageId, TenantId

_NAMESPACE: Final = UUID("6f1c2f0e-6a5b-5d0e-9a3b-2f0c4f7f9d11")
_CANONICAL: Final = re.compile(UUID_PATTERN)


class Identity(Struct, frozen=True, kw_only=True):
    """Works ids out. Another `source` is another database, whose equal ids mean other things."""

    tenant_id: TenantId
    source: str

    def conversation_id(self, legacy_id: str, part: int = 1) -> ConversationId:
        """Of a session, or of a further part of it."""
        if part == 1 and is_canonical(legacy_id):
            return ConversationId(legacy_id.lower())
        return ConversationId(self._derived("conversation", legacy_id, part))

    def message_id(self, conversation_id: ConversationId, legacy_id: str, copy: int = 0, piece: int = 0) -> MessageId:
        """Of a message; further ones with the same id, and further pieces of a long one, have a number above 0."""
        if not copy and not piece and is_canonical(legacy_id):
            return MessageId(legacy_id.lower())
        return MessageId(self._derived("message", conversation_id, legacy_id, copy, piece))

    def command_id(self, conversation_id: ConversationId, *what: str) -> CommandId:
        """Of the command that takes something in."""
        return CommandId(self._derived("command", conversation_id, *what))

    def _derived(self, *parts: str | int) -> str:
        return str(uuid5(_NAMESPACE, json.dumps((self.tenant_id, self.source, *parts))))


def is_canonical(legacy_id: str) -> bool:
    """Whether it is a UUID as one writes it, in letters of any case."""
    return _CANONICAL.fullmatch(legacy_id.lower()) is not None
