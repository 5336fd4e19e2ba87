"""Serve original clients: what they wish becomes a command, what they say in passing is broadcast."""

from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from app.principal import Principal
from app.use_cases.get_conversation import GetConversation
from app.use_cases.original_table import command_for
from app.use_cases.original_wishes import Interim, Wish
from app.use_cases.post_message import is_posted
from app.use_cases.run_command import CommandRequest, CommandResult, RunCommand
from app.use_cases.write_options import WriteOptions
from domain.conversation import events as e
from domain.conversation.commands import Command
from domain.conversation.conversation import Conversation, Status, status
from domain.ids import ConversationId, MessageId

_MESSAGES: Final = (e.UserMessageReceived, e.UserMessageQueued, e.ResponseCompleted, e.MessageRecorded)


class InterimBroadcaster(Protocol):
    """Tells those who listen to a conversation what is being said. Stores nothing, waits for nobody, never raises."""

    def __call__(self, principal: Principal, conversation_id: ConversationId, interim: Interim) -> None:
        """Tell them."""
        ...


class Granted(Struct, frozen=True, kw_only=True):
    """What came of a wish. `previous` is the state before it; `message_id` that of the message it has kept."""

    result: CommandResult
    previous: Status | None
    message_id: MessageId | None


class ServeOriginalClients:
    """The wishes of original clients, over interfaces that answer each."""

    def __init__(
        self, run_command: RunCommand, get_conversation: GetConversation, broadcast: InterimBroadcaster
    ) -> None:
        self._run_command = run_command
        self._get_conversation = get_conversation
        self._broadcast = broadcast

    async def grant(
        self, principal: Principal, conversation_id: ConversationId, wish: Wish, options: WriteOptions
    ) -> Granted:
        """Run the command that the wish is. Raises what `RunCommand` raises."""
        request = wish_request(principal, conversation_id, wish, options)
        before = Conversation(id=conversation_id, tenant_id=principal.tenant_id)

        def choose(conversation: Conversation) -> Command | None:
            nonlocal before
            before = conversation
            return request.choose(conversation)

        result = await self._run_command(replace(request, choose=choose))
        if result.replayed:
            version = result.conversation.version - len(result.events)
            before = await self._get_conversation.at_version(principal, conversation_id, version)
        return Granted(result=result, previous=status(before), message_id=_message_id(result))

    async def tell(self, principal: Principal, conversation_id: ConversationId, interim: Interim) -> Conversation:
        """Broadcast what is being said. Gives the conversation, which it leaves as it is.

        Raises:
            ConversationNotFound, StoreUnavailable: nobody was told.
        """
        conversation = await self._get_conversation(principal, conversation_id)
        self._broadcast(principal, conversation_id, interim)
        return conversation


def wish_request(
    principal: Principal, conversation_id: ConversationId, wish: Wish, options: WriteOptions
) -> CommandRequest:
    """The request that asks for it: the command is chosen when its turn has come."""
    return CommandRequest(
        principal=principal,
        conversation_id=conversation_id,
        body=wish,
        choose=lambda conversation: command_for(wish, conversation),
        command_id=options.command_id,
        expected_version=options.expected_version,
        traceparent=options.traceparent,
    )


def _message_id(result: CommandResult) -> MessageId | None:
    """Of the message that the wish is, not of one that it displaced or that waited longer."""
    for recorded in result.events:
        event = recorded.event
        if isinstance(event, _MESSAGES) and is_posted(event):
            return event.message_id
    return None
