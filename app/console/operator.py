"""What the commands of an operator share: settings, logs, the database, and refusals as one sentence."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def operator_dsn() -> Iterator[str]:
    """The DSN of the database that the settings name, migrated. Call it before any event loop runs.

    What stands in the way ends the command with its sentence and status 1.
    """
    from app.logs import configure_logs
    from app.operations.database import NoDatabase, operator_database
    from app.settings import InvalidSetting, Settings

    try:
        settings = Settings.from_environment(os.environ)
        configure_logs("warning")
        with operator_database(settings) as dsn:
            yield dsn
    except (NoDatabase, InvalidSetting) as error:
        raise click.ClickException(str(error)) from error
