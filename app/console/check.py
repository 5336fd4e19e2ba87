"""`turnlog check`: everything that must hold before a change is merged."""

import subprocess
import sys
from pathlib import Path

import click

from app.console.checkout import checkout_root

LINT_STEPS: dict[str, list[str]] = {
    "format": ["ruff", "format", "--check", ".", "run"],
    "lint": ["ruff", "check", ".", "run"],
    "types": ["mypy"],
    "imports": ["lint-imports", "--no-logo"],
}
TEST_STEP: dict[str, list[str]] = {"tests": ["turnlog", "test"]}


@click.command()
@click.option("--skip-tests", is_flag=True, help="Only formatting, lint, types and imports.")
def check(*, skip_tests: bool) -> None:
    """Check format, lint, types and imports, then run the tests.

    Stops at the first step that fails. `just format` repairs the first two.

    \b
    Examples:
      turnlog check
      turnlog check --skip-tests       a few seconds, before each commit
    """
    root = checkout_root()
    steps = LINT_STEPS if skip_tests else LINT_STEPS | TEST_STEP
    for name, command in steps.items():
        click.secho(f"== {name}: {' '.join(command)}", bold=True, err=True)
        # The programs beside this Python: those of the environment, whatever the PATH says.
        program = Path(sys.executable).with_name(command[0])
        answer = subprocess.run([program, *command[1:]], check=False, cwd=root)  # noqa: S603 - the list above
        if answer.returncode != 0:
            raise click.ClickException(f"The step {name!r} failed.")
