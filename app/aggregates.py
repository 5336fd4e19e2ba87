"""The folded conversations that this process keeps at hand: least recently used go first, by count and by bytes."""

import asyncio
from collections import OrderedDict

from msgspec import Struct

from domain.conversation.conversation import Conversation
from domain.ids import ConversationId, TenantId

_BASE_BYTES = 2_000
_MESSAGE_BYTES = 100


class Held(Struct, eq=False):
    """One conversation of the cache. `lock` lets one command at a time decide on it in this process.

    `position` is that of its last event that this process knows of. `commands` counts those that decide or wait.
    """

    conversation: Conversation
    lock: asyncio.Lock
    position: int = 0
    commands: int = 0
    size_bytes: int = _BASE_BYTES

    def advance(self, conversation: Conversation, position: int) -> None:
        """Take over what is committed; never called with anything else."""
        self.conversation = conversation
        self.position = position


class AggregateCache:
    """What falls out of the cache is folded again from the store when it is next asked for."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._held: OrderedDict[tuple[TenantId, ConversationId], Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def hold(self, tenant_id: TenantId, conversation_id: ConversationId) -> Held:
        """The conversation as far as this process knows it; version 0 when it knows nothing yet."""
        key = (tenant_id, conversation_id)
        held = self._held.get(key)
        if held is None:
            held = Held(Conversation(id=conversation_id, tenant_id=tenant_id), asyncio.Lock())
            self._held[key] = held
            self._size_bytes += held.size_bytes
        else:
            self._held.move_to_end(key)
        return held

    def settle(self, held: Held) -> None:
        """Account for what the conversation has grown to, and make room. Forgets one that does not exist."""
        key = (held.conversation.tenant_id, held.conversation.id)
        if self._held.get(key) is not held:
            return
        size_bytes = estimated_bytes(held.conversation)
        self._size_bytes += size_bytes - held.size_bytes
        held.size_bytes = size_bytes
        if held.conversation.version == 0:
            self._drop(key)
        while len(self._held) > self._max_count or self._size_bytes > self._max_bytes:
            self._drop(next(iter(self._held)))

    def _drop(self, key: tuple[TenantId, ConversationId]) -> None:
        self._size_bytes -= self._held.pop(key).size_bytes


def estimated_bytes(conversation: Conversation) -> int:
    """About what a conversation takes in memory."""
    texts = sum(len(message.content) for message in conversation.queue) if conversation.queue else 0
    return _BASE_BYTES + _MESSAGE_BYTES * conversation.message_count + texts
