"""`turnlog docs`: the pages of docs/reference that are written by the code they describe."""

from collections.abc import Callable
from pathlib import Path

import click

from app.console.checkout import checkout_root

REFERENCE = Path("docs/reference")


def pages() -> dict[Path, str]:
    """Every generated file: its path in the repository and its text. To add one, add a line."""
    from app.console.original_clients_page import original_clients_page
    from app.console.rest_page import rest_page
    from app.console.settings_page import settings_page
    from app.console.state_machine_page import state_machine_page
    from app.console.websocket_page import close_codes_file, websocket_page

    writers: dict[str, Callable[[], str]] = {
        "original-clients.md": original_clients_page,
        "close-codes.json": close_codes_file,
        "rest.md": rest_page,
        "settings.md": settings_page,
        "state-machine.md": state_machine_page,
        "websocket.md": websocket_page,
    }
    return {REFERENCE / name: write() for name, write in writers.items()}


@click.command()
def docs() -> None:
    """Write the generated pages of docs/reference again.

    Needed after a change of the code they describe: a test compares the two.

    \b
    Example:
      turnlog docs
    """
    root = checkout_root()
    for path, text in pages().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        click.echo(f"wrote {path}")
