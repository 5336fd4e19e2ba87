"""The README shows what the code is."""

from pathlib import Path

from domain.conversation.transitions import mermaid

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_shows_the_state_machine_of_the_code() -> None:
    assert f"```mermaid\n{mermaid()}```" in README.read_text(encoding="utf-8")


def test_every_page_that_the_readme_names_exists() -> None:
    text = README.read_text(encoding="utf-8")
    named = [part.split(")")[0] for part in text.split("](")[1:]]
    pages = [name for name in named if not name.startswith("http")]
    assert pages
    assert [page for page in pages if not (README.parent / page).exists()] == []
