"""Whatever order a chat has, its messages become a conversation that the rules allow, all of them and in this order."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.operations.transfer.chat_histories import history_of
from app.operations.transfer.chats import read_chat
from app.operations.transfer.histories import decided
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import evolve
from domain.conversation.transitions import State
from projections.compaction import compact
from projections.messages import project
from tests.support.decider import NOON, TENANT_ID
from tests.support.recording import recorded
from tests.support.transfer import IMPORTER

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
call_ids = st.sampled_from(["call_1", "call_2"])
answers = st.fixed_dictionaries(
    {"role": st.sampled_from(["assistant", "bot", "agent"]), "content": texts},
    optional={
        "interrupted": st.booleans(),
        "heard_text": texts,
        "model": st.just("a-model"),
        "usage": st.just({"output_tokens": 3}),
        "feedback": st.just({"rating": 1}),
    },
)
others = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "human", "user", "system", "developer"]), "content": texts},
    optional={"feedback": st.just({"rating": -1, "comment": "no"}), "usage": st.just({"input_tokens": 1})},
)
results = st.fixed_dictionaries({"role": st.just("tool"), "content": texts, "tool_call_id": call_ids})


@st.composite
def chats(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Messages in any order; tools are called where an answer is due, as a message of its own or with a text."""
    messages: list[dict[str, Any]] = []
    is_due = False
    for message in draw(st.lists(st.one_of(answers, others, results), min_size=1, max_size=15)):
        if is_due and draw(st.booleans()):
            calls = [{"id": id_, "function": {"name": "f"}} for id_ in draw(st.lists(call_ids, min_size=1, max_size=3))]
            messages.append({"role": "assistant", "content": draw(st.none() | texts), "tool_calls": calls})
        messages.append(message)
        is_user = message["role"] in ("user", "human") and "usage" not in message
        is_due = is_user or (is_due and message["role"] not in ("assistant", "bot", "agent"))
    return messages


@given(messages=chats())
def test_every_order_of_messages_is_a_conversation(messages: list[dict[str, Any]]) -> None:
    history = history_of(read_chat(msgspec.json.encode(messages)), "1", TENANT_ID, NOON)

    events = [event for step in decided(history, IMPORTER) for event in step.events]

    conversation = Conversation(id=history.conversation_id, tenant_id=TENANT_ID)
    for event in events:
        conversation = evolve(conversation, event, NOON)
    assert conversation.state is State.ENDED
    rows = compact(
        change for version, event in enumerate(events, start=1) for change in project(recorded(event, version))
    ).added
    assert [row.content for row in rows] == [
        message["content"] for message in messages if message["content"] is not None
    ]
