"""The README shows what the code is."""

from pathlib import Path

from domain.conversation.transitions import mermaid

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_shows_the_state_machine_of_the_code() -> None:
    assert f"```mermaid\n{mermaid()}```" in README.read_text(encoding="utf-8")
