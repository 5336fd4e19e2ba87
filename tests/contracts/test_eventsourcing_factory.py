"""The library finds its way to our tables by its own variables, as the how-to page says."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from eventsourcing.persistence import InfrastructureFactoryError, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.utils import Environment

from adapters.eventsourcing import Factory, TrackingRecorder
from domain.conversation.events import ConversationEnded
from tests.support.appends import an_append, new_conversation, running_appender
from tests.support.library_watcher import library_environment
from tests.support.moments import started

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-eventsourcing-library.md"


@pytest.fixture
def environment(database: str) -> dict[str, str]:
    return library_environment(database)


async def test_two_projections_of_one_application_go_at_their_own_pace(environment: dict[str, str]) -> None:
    with Factory(Environment("Slow", environment)) as one, Factory(Environment("Fast", environment)) as other:
        slow = one.tracking_recorder(TrackingRecorder)
        fast = other.tracking_recorder(TrackingRecorder)

        slow.insert_tracking(Tracking("Doors", 5))
        fast.insert_tracking(Tracking("Doors", 9))

        assert (slow.max_tracking_id("Doors"), fast.max_tracking_id("Doors")) == (5, 9)


async def test_a_view_that_would_keep_its_pace_elsewhere_is_refused(environment: dict[str, str]) -> None:
    with Factory(environment) as factory, pytest.raises(InfrastructureFactoryError, match="must be a subclass"):
        factory.tracking_recorder(PostgresTrackingRecorder)


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [("POSTGRES_ENABLE_DB_FUNCTIONS", "y", "miss events"), ("ORIGINATOR_ID_TYPE", "text", "uuid")],
)
def test_what_would_lose_events_is_refused(environment: dict[str, str], variable: str, value: str, reason: str) -> None:
    with pytest.raises(InfrastructureFactoryError, match=reason):
        Factory({**environment, variable: value})


async def test_the_how_to_page_does_what_it_says(database: str, environment: dict[str, str]) -> None:
    conversation_id = new_conversation()
    end = ConversationEnded(ended_reason="user_ended")
    async with running_appender(database) as appender:
        await appender.append(an_append(conversation_id, events=[*started(), end]))
    program = "\n".join(re.findall(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL))

    answer = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        cwd=HOW_TO.parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert answer.stderr == ""
    lines = answer.stdout.splitlines()
    assert lines[0] == "open complaints: 1"
    assert [line.split(" ", 1)[1] for line in lines[1:]] == [
        f"{conversation_id} ConversationStarted",
        f"{conversation_id} ConversationEnded",
    ]
