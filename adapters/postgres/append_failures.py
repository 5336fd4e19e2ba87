"""What a failed append says about what is stored, told from the error that the database or its driver gave."""

import psycopg

_CONTENT_CLASSES = ("21", "22", "23", "54")
"""Cardinality, data, constraint and size: the same rows would fail again. All other errors may pass."""

_UNIQUE_VIOLATION = "23505"


class AppendFailure(Exception):
    """`error_name` and `sqlstate` are for the log. The text of an error is not: it may show what people said."""

    def __init__(self, error: psycopg.Error | None) -> None:
        super().__init__()
        self.error_name = type(error).__name__
        self.sqlstate = error.sqlstate if error else None


class LinkLost(AppendFailure):
    """There is no connection, or no answer came over it: whatever was sent may be stored."""


class StatementRefused(AppendFailure):
    """The server answered with an error: this statement stored nothing. It may take it later."""


class ContentRefused(StatementRefused):
    """It would refuse it again, because of what is in it."""


class AlreadyThere(StatementRefused):
    """The version or the command id is taken; the checking form tells which."""


def failure_of(error: psycopg.Error) -> AppendFailure:
    """How to go on after this error of a statement."""
    sqlstate = error.sqlstate
    if sqlstate is None:
        # Without a server's word it is the link, or text that the driver could not even send.
        return ContentRefused(error) if isinstance(error, psycopg.DataError) else LinkLost(error)
    # A FATAL or PANIC may come after the commit. The untranslated severity is there since Postgres 9.6.
    if error.diag.severity_nonlocalized != "ERROR":
        return LinkLost(error)
    if sqlstate == _UNIQUE_VIOLATION:
        return AlreadyThere(error)
    if sqlstate.startswith(_CONTENT_CLASSES):
        return ContentRefused(error)
    return StatementRefused(error)
