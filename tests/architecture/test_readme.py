"""The README shows what the code is."""

import re
from pathlib import Path

from app.cli import COMMANDS
from domain.conversation.transitions import mermaid

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_shows_the_state_machine_of_the_code() -> None:
    assert f"```mermaid\n{mermaid()}```" in README.read_text(encoding="utf-8")


def test_every_command_that_the_readme_runs_is_one() -> None:
    run = set(re.findall(r"\./run ([a-z]+)", README.read_text(encoding="utf-8")))

    assert {"serve", "test", "replay", "watch"} <= run
    assert run <= {command.name for command in COMMANDS}
