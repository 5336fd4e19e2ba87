"""The one tree of errors. Each kind has a stable `code`; what a caller may need stands in attributes."""

from typing import ClassVar

from domain.ids import CommandId, ConversationId


class TurnlogError(Exception):
    """Everything Turnlog refuses or fails to do. `str(error)` is one sentence that may be shown to a caller."""

    code: ClassVar[str]


class StoreError(TurnlogError):
    """The event store did not append. Nothing was stored unless the class says otherwise."""


class VersionConflict(StoreError):
    """Somebody else wrote to the conversation first."""

    code = "conflict"

    def __init__(self, conversation_id: ConversationId, expected_version: int, version: int) -> None:
        super().__init__(f"The conversation is at version {version}, not at the expected {expected_version}.")
        self.conversation_id = conversation_id
        self.expected_version = expected_version
        self.version = version


class CommandRepeated(StoreError):
    """The command id was stored before: its events are the answer, and nothing was appended now."""

    code = "command_repeated"

    def __init__(self, command_id: CommandId) -> None:
        super().__init__(f"Command {command_id} was carried out before.")
        self.command_id = command_id


class IdempotencyMismatch(TurnlogError):
    """The command id was used before for another command, so neither its answer nor a new effect is right."""

    code = "idempotency_mismatch"

    def __init__(self, command_id: CommandId) -> None:
        super().__init__(
            f"Command id {command_id} was used before with another body or conversation. "
            "Send a new command id with a new command."
        )
        self.command_id = command_id


class Overloaded(StoreError):
    """The queue of commands is full; this one was not taken in."""

    code = "overloaded"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"The queue of commands is full. Try again in {retry_after_ms} ms.")
        self.retry_after_ms = retry_after_ms


class StoreUnavailable(StoreError):
    """The database could not be reached; the command was certainly not stored."""

    code = "store_unavailable"

    def __init__(self, retry_after_ms: int = 1_000) -> None:
        super().__init__(f"The event store cannot be reached. Try again in {retry_after_ms} ms.")
        self.retry_after_ms = retry_after_ms


class OutcomeUnknown(StoreError):
    """The database went away during the append: the command may or may not be stored.

    Sending the same command id again is safe and tells which.
    """

    code = "outcome_unknown"

    def __init__(self, command_id: CommandId, retry_after_ms: int = 1_000) -> None:
        super().__init__(
            f"The event store went away while it was storing the command, so the outcome is unknown. "
            f"Send the same command id {command_id} again in {retry_after_ms} ms: it takes effect once."
        )
        self.command_id = command_id
        self.retry_after_ms = retry_after_ms


class EventRejected(StoreError):
    """The database refused the bytes of the event. A fault of ours: what reaches the store must be storable."""

    code = "event_rejected"


class UnreadableEvent(TurnlogError):
    """A stored event cannot be read here. An aggregate must not decide on it, and the rows of its conversation stay
    as they were before it.

    `event_version` and `event_position` are where it stands, where whoever raised this knew it.
    """

    def __init__(self, sentence: str, topic: str) -> None:
        super().__init__(sentence)
        self.topic = topic
        self.event_version: int | None = None
        self.event_position: int | None = None


class UnknownEvent(UnreadableEvent):
    """Newer code wrote it."""

    code = "unknown_event"

    def __init__(self, topic: str) -> None:
        super().__init__(f"Stored event {topic!r} is not known to this release. Upgrade Turnlog to read it.", topic)


class CorruptEvent(UnreadableEvent):
    """Its bytes are not what its topic says. Tells nothing of them: they may be somebody's words."""

    code = "corrupt_event"

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"Stored event {topic!r} is damaged. The conversation goes on once the event is repaired.", topic
        )
