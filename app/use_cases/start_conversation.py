"""Start a conversation, with the caller's id or a new one."""

from app.principal import Principal
from app.use_cases.run_command import CommandResult, RunCommand, command_request
from app.use_cases.write_options import WriteOptions
from domain.conversation.commands import StartConversation
from domain.ids import CommandId, ConversationId
from domain.ports import IdSource


class StartNewConversation:
    """A conversation that is given no id takes that of its command: the same command sent again means the same one."""

    def __init__(self, run_command: RunCommand, ids: IdSource) -> None:
        self._run_command = run_command
        self._ids = ids

    async def __call__(
        self,
        principal: Principal,
        command: StartConversation,
        options: WriteOptions,
        conversation_id: ConversationId | None = None,
    ) -> CommandResult:
        """Raises what `RunCommand` raises."""
        command_id = options.command_id or CommandId(self._ids.new_id())
        return await self._run_command(
            command_request(
                principal,
                conversation_id or ConversationId(command_id),
                command,
                command_id=command_id,
                expected_version=options.expected_version,
                traceparent=options.traceparent,
            )
        )
