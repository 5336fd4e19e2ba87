"""`turnlog export`: what the store holds, as files."""

import click


@click.group()
def export() -> None:
    """Write conversations to files: their events, or what was said."""
