"""The command line explains itself, quickly."""

import subprocess
import sys

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


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_command_explains_itself_with_an_example(command: click.Command) -> None:
    answer = CliRunner().invoke(main, [str(command.name), "--help"])

    assert answer.exit_code == 0
    assert "Example" in answer.output
    assert f"turnlog {command.name}" in answer.output


def test_help_imports_nothing_heavy() -> None:
    script = "import app.cli, sys; print(*{name.partition('.')[0] for name in sys.modules})"

    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert set(answer.stdout.split()) & HEAVY_PACKAGES == set()


def test_an_unknown_command_is_refused_with_a_hint() -> None:
    answer = CliRunner().invoke(main, ["srve"])

    assert answer.exit_code == 2
    assert "No such command" in answer.output
