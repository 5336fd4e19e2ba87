"""`turnlog test`: the tests."""

import os
import sys

import click

from app.console.checkout import checkout_root


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests, on a real Postgres.

    Everything after `test` goes to pytest.

    \b
    Examples:
      turnlog test                     all of them
      turnlog test tests/domain -k end those of the domain with "end" in their name
      turnlog test -x --durations=10   stop at the first failure, name the slowest ten
    """
    import pytest

    os.chdir(checkout_root())
    sys.exit(pytest.main(list(arguments)))
