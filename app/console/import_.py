"""`turnlog import`: conversations from files, into the event store."""

import click


@click.group("import")
def import_() -> None:
    """Take conversations in from files. What is there already stays as it is, so running it again adds nothing."""
