"""Whatever stands in the rows of a session, all that was said in it arrives, by the rules of conversations."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.operations.transfer.histories import decided
from app.operations.transfer.legacy.repairs import Repair
from app.operations.transfer.legacy.rows import Row
from domain.conversation import commands as c
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import evolve
from domain.envelope import Actor
from tests.support.legacy import imported, message_row, messy_messages, messy_sessions, session_row


@given(messy_sessions(), messy_messages())
def test_whatever_the_rows_are_the_domain_takes_all_of_it(sessions: list[Row], messages: list[Row]) -> None:
    result = imported(sessions, messages)

    steps = decided(result.history, Actor(type="admin"))

    assert len(steps) == len(result.history.commands), "every command has made something"
    times = [step.origin.occurred_at for step in steps]
    assert all(before <= after for before, after in pairwise(times))


@given(messy_sessions(), messy_messages())
def test_every_content_is_there_as_often_as_it_was_unless_a_row_only_repeats_another(
    sessions: list[Row], messages: list[Row]
) -> None:
    result = imported(sessions, messages)

    given_contents = Counter(_stored(row["content"]) for row in messages)
    taken: Counter[str] = Counter()
    for past in result.said:
        command = past.command
        assert isinstance(command, c.SubmitUserMessage | c.CompleteResponse | c.RecordMessage)
        is_further_piece = not command.metadata.get("legacy_part", "1/").startswith("1/")
        if not is_further_piece:
            taken[command.content] += 1
    repeated = len(result.notes.get(Repair.MESSAGE_REPEATED, []))
    heads: Counter[str] = Counter()
    for content, count in given_contents.items():
        heads[content[: len("long ") * 8_000].encode()[: 32 * 1024].decode("utf-8", "ignore")] += count
    assert set(heads) == set(taken)
    assert heads.total() - taken.total() == repeated


@given(messy_sessions(), messy_messages())
def test_no_conversation_is_left_open_unless_by_its_rule(sessions: list[Row], messages: list[Row]) -> None:
    result = imported(sessions, messages)

    conversation = Conversation(id=result.history.conversation_id, tenant_id=result.history.tenant_id)
    for step in decided(result.history, Actor(type="admin")):
        for event in step.events:
            conversation = evolve(conversation, event, step.origin.occurred_at)

    assert conversation.is_active == (Repair.KEPT_OPEN in result.notes)
    assert conversation.is_active or (conversation.duration_seconds or 0) >= 0
    assert conversation.message_count == len(result.said)


@given(messy_sessions(), messy_messages())
def test_the_same_rows_become_the_same_commands(sessions: list[Row], messages: list[Row]) -> None:
    first, again = imported(sessions, messages), imported(sessions, messages)

    assert first.history == again.history
    assert len({past.command_id for past in first.history.commands}) == len(first.history.commands)


@given(st.lists(st.sampled_from(["user", "agent", "system", "ghost"]), max_size=9), st.integers(0, 9))
def test_what_was_taken_in_of_an_open_session_is_the_beginning_of_what_comes_later(
    roles: list[str], taken_in: int
) -> None:
    now = "2026-07-01 10:00:0"
    messages = [message_row(n, None, role, created_at=f"{now}{n}") for n, role in enumerate(roles)]
    session = session_row(ended_at=None, last_activity_at=f"{now}0")

    earlier = imported([session], messages[:taken_in]).history.commands
    later = imported([{**session, "ended_at": f"{now}9"}], messages).history.commands

    assert later[: len(earlier)] == earlier


def _stored(content: str | None) -> str:
    return (content or "").replace("\x00", "\ufffd")
