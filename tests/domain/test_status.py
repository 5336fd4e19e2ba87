"""The seven states of older clients are derived from the five."""

import pytest

from domain.conversation import events as e
from domain.conversation.conversation import Status, status
from tests.support import moments
from tests.support.decider import conversation_after

ASKED_AGAIN = e.UserMessageReceived(message_id=moments.WAITING_ID, turn=2, content="Still there?")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), None),
        (moments.IDLE, Status.IDLE),
        (moments.LISTENING, Status.LISTENING),
        (moments.PROCESSING, Status.PROCESSING),
        (moments.SPEAKING, Status.SPEAKING),
        (moments.ENDED, Status.ENDED),
        (moments.ANSWERED, Status.WAITING_FOR_USER),
        ((*moments.ANSWERED, e.ListeningStarted(turn=2)), Status.LISTENING),
        ((*moments.ANSWERED, e.ListeningStarted(turn=2), e.ListeningStopped()), Status.WAITING_FOR_USER),
        ((*moments.ANSWERED, ASKED_AGAIN), Status.PROCESSING),
        ((*moments.ANSWERED, ASKED_AGAIN, e.ResponseCancelled()), Status.IDLE),
        (moments.FAILED, Status.ERROR),
        ((*moments.FAILED, e.ListeningStarted(turn=2)), Status.LISTENING),
        ((*moments.FAILED, e.TurnRetried(turn=1)), Status.PROCESSING),
        ((*moments.FAILED, moments.END), Status.ENDED),
        ((*moments.PROCESSING, e.ResponseCancelled()), Status.IDLE),
        ((*moments.ANSWERED, ASKED_AGAIN, moments.CRASH), Status.ERROR),
    ],
)
def test_status(events: tuple[e.Event, ...], expected: Status | None) -> None:
    assert status(conversation_after(events)) is expected
