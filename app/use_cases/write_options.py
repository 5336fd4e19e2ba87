"""How a write is to be taken, beside what it asks for."""

from msgspec import Struct

from domain.ids import CommandId


class WriteOptions(Struct, frozen=True, kw_only=True):
    """`command_id` makes the write safe to send again; `expected_version` makes it depend on nobody else's."""

    command_id: CommandId | None = None
    expected_version: int | None = None
    traceparent: str | None = None
