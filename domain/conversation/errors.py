"""Why a command is refused. A refusal appends nothing."""

from domain.conversation.transitions import Source
from domain.errors import TurnlogError
from domain.ids import ConversationId, MessageId


class Refusal(TurnlogError):
    """The command was understood and not carried out."""


class InvalidCommand(Refusal):
    """A field is not acceptable whatever the state. `field` is its path, such as `metadata.plan`."""

    code = "invalid_command"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"`{field}` {reason}")
        self.field = field


class ConversationNotFound(Refusal):
    """There is none, or it is not the caller's: the two are never told apart."""

    code = "not_found"

    def __init__(self, conversation_id: ConversationId) -> None:
        super().__init__(f"There is no conversation {conversation_id}.")
        self.conversation_id = conversation_id


class StateRefusal(Refusal):
    """A refusal by the state that the conversation is in; `allowed` are the commands that are legal in it."""

    def __init__(self, sentence: str, state: Source, version: int, allowed: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.state = state
        self.version = version
        self.allowed = allowed


class InvalidTransition(StateRefusal):
    """The table has no way from this state."""

    code = "invalid_transition"


class Busy(StateRefusal):
    """The agent has the turn and the conversation's `on_busy` is `reject`."""

    code = "busy"


class ConversationExists(StateRefusal):
    """The id is taken by a conversation that another command started."""

    code = "already_exists"


class MessageExists(StateRefusal):
    """The message id is taken in this conversation."""

    code = "message_exists"


class ResponseOver(StateRefusal):
    """The answer that the command names is not the one in progress."""

    code = "response_over"


class UnknownMessage(Refusal):
    """The conversation has no such message."""

    code = "unknown_message"

    def __init__(self, message_id: MessageId) -> None:
        super().__init__(f"The conversation has no message {message_id}.")
        self.message_id = message_id


class UnknownToolCall(Refusal):
    """No such tool call is open in this turn."""

    code = "unknown_tool_call"

    def __init__(self, tool_call_id: str) -> None:
        super().__init__(f"No tool call {tool_call_id!r} is open in this turn.")
        self.tool_call_id = tool_call_id


class LimitReached(Refusal):
    """The conversation holds as many as it may."""

    code = "limit_reached"

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"The conversation holds its limit of {limit} {what}.")
        self.limit = limit
