"""The folder the code is in, for commands that work on the code itself."""

from pathlib import Path

import click


def checkout_root() -> Path:
    """Where pyproject.toml and the tests are; refused when turnlog was installed without them."""
    root = Path(__file__).resolve().parent.parent.parent
    if not (root / "tests").is_dir():
        raise click.ClickException("This command works in a checkout of the repository, and this is an installed copy.")
    return root
