"""docs/reference/state-machine.md is the code, written out."""

from pathlib import Path

from app.console.docs import REFERENCE, pages
from app.console.state_machine_page import state_machine_page
from domain.conversation.commands import COMMAND_TYPES, name_of
from domain.conversation.events import EVENT_TYPES, tag_of
from domain.conversation.transitions import mermaid

ROOT = Path(__file__).parents[2]


def test_the_committed_page_is_what_the_code_writes() -> None:
    page = (ROOT / REFERENCE / "state-machine.md").read_text(encoding="utf-8")
    assert page == state_machine_page(), "out of date: run ./run docs"


def test_the_page_is_written_with_the_others() -> None:
    assert pages()[REFERENCE / "state-machine.md"] == state_machine_page()


def test_the_page_has_the_picture_and_a_row_for_each_event_and_command() -> None:
    page = state_machine_page()
    assert mermaid() in page
    for name in [*map(tag_of, EVENT_TYPES), *map(name_of, COMMAND_TYPES)]:
        assert page.count(f"\n| `{name}` |") == 1


def test_a_row_says_from_where_to_where_and_what() -> None:
    row = "| `response_started` | `PROCESSING` | `SPEAKING` | `response_id`, `message_id`, `model`?, `provider`? |"
    assert row in state_machine_page()
