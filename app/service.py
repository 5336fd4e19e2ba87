"""Everything that the service can do."""

from msgspec import Struct

from app.use_cases.get_conversation import GetConversation
from app.use_cases.get_health import GetHealth
from app.use_cases.get_statistics import GetStatistics
from app.use_cases.list_conversations import ListConversations
from app.use_cases.list_messages import ListMessages
from app.use_cases.list_past_messages import ListPastMessages
from app.use_cases.original_clients import ServeOriginalClients
from app.use_cases.post_message import PostMessage
from app.use_cases.read_events import ReadEvents
from app.use_cases.run_command import RunCommand
from app.use_cases.search_messages import SearchMessages
from app.use_cases.start_conversation import StartNewConversation


class Service(Struct, frozen=True, kw_only=True):
    """The use cases, ready to be called. `epoch` is the incarnation of the event store that they work on."""

    epoch: str
    start_conversation: StartNewConversation
    run_command: RunCommand
    post_message: PostMessage
    original_clients: ServeOriginalClients
    get_conversation: GetConversation
    list_conversations: ListConversations
    list_messages: ListMessages
    list_past_messages: ListPastMessages
    search_messages: SearchMessages
    read_events: ReadEvents
    get_statistics: GetStatistics
    health: GetHealth
