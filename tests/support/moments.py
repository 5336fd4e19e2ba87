"""The moments of a conversation that the domain's tests start from, each as the events that lead to it."""

from typing import Final

from domain.conversation import events as e
from domain.conversation.values import OnBusy, Policies
from tests.support.decider import TENANT_ID, message_id

QUESTION_ID: Final = message_id(1)
ANSWER_ID: Final = message_id(2)
WAITING_ID: Final = message_id(3)
RESPONSE_ID: Final = "response-1"
TOOL_CALL_ID: Final = "call-1"

Events = tuple[e.Event, ...]


def started(on_busy: OnBusy = "reject") -> Events:
    """IDLE: a conversation with this policy, in which nothing has been said."""
    return (e.ConversationStarted(tenant_id=TENANT_ID, policies=Policies(on_busy=on_busy)),)


QUESTION: Final = e.UserMessageReceived(message_id=QUESTION_ID, turn=1, content="A table for two?")
RESPONSE: Final = e.ResponseStarted(response_id=RESPONSE_ID, message_id=ANSWER_ID, model="large", provider="acme")
ANSWER: Final = e.ResponseCompleted(
    turn=1, message_id=ANSWER_ID, response_id=RESPONSE_ID, model="large", provider="acme", content="At seven."
)
BARGE_IN: Final = e.ResponseInterrupted(
    turn=1, message_id=ANSWER_ID, response_id=RESPONSE_ID, model="large", provider="acme", source="barge_in"
)
RESUMPTION: Final = e.SpeechResumed(response_id=RESPONSE_ID)
WAITING: Final = e.UserMessageQueued(message_id=WAITING_ID, content="And outside, please.")
WAITING_TAKEN: Final = e.UserMessageReceived(message_id=WAITING_ID, turn=2, content="And outside, please.", queued=True)
TOOL_CALL: Final = e.ToolCallStarted(tool_call_id=TOOL_CALL_ID, name="find_table")
CRASH: Final = e.TurnFailed(code="model_timeout", message="The model did not answer.", retryable=True)
END: Final = e.ConversationEnded(ended_reason="user_ended")

IDLE: Final = started()
LISTENING: Final = (*IDLE, e.ListeningStarted(turn=1))
PROCESSING: Final = (*IDLE, QUESTION)
SPEAKING: Final = (*PROCESSING, RESPONSE)
ANSWERED: Final = (*SPEAKING, ANSWER)
INTERRUPTED: Final = (*SPEAKING, BARGE_IN)
RESUMED: Final = (*INTERRUPTED, RESUMPTION)
FAILED: Final = (*PROCESSING, CRASH)
CALLING_TOOL: Final = (*PROCESSING, TOOL_CALL)
ENDED: Final = (*IDLE, END)


def processing(on_busy: OnBusy) -> Events:
    """PROCESSING under this policy."""
    return (*started(on_busy), QUESTION)


def speaking(on_busy: OnBusy) -> Events:
    """SPEAKING under this policy."""
    return (*processing(on_busy), RESPONSE)
