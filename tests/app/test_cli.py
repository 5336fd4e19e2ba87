"""The command line explains itself, quickly."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from app.cli import COMMANDS, main

HEAVY_PACKAGES = {"litestar", "psycopg", "uvicorn", "pytest", "eventsourcing", "msgspec", "structlog"}


def test_help_lists_every_command_with_a_sentence() -> None:
    answer = CliRunner().invoke(main, ["--help"])

    assert answer.exit_code == 0
    for command in COMMANDS:
        assert f"  {command.name}" in answer.output


def words_of(command: click.Command, *before: str) -> Iterator[tuple[str, ...]]:
    """What one types for this command, or for each of a group's."""
    words = (*before, str(command.name))
    if isinstance(command, click.Group):
        for member in command.commands.values():
            yield from words_of(member, *words)
    else:
        yield words


@pytest.mark.parametrize("words", [words for command in COMMANDS for words in words_of(command)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(words: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(main, [*words, "--help"])

    assert answer.exit_code == 0
    assert "Example" in answer.output
    assert f"turnlog {' '.join(words)}" in answer.output


def test_help_imports_nothing_heavy() -> None:
    script = "import app.cli, sys; print(*{name.partition('.')[0] for name in sys.modules})"

    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert set(answer.stdout.split()) & HEAVY_PACKAGES == set()


def test_an_unknown_command_is_refused_with_a_hint() -> None:
    answer = CliRunner().invoke(main, ["srve"])

    assert answer.exit_code == 2
    assert "No such command" in answer.output
