"""What can go wrong with the Postgres that comes with the package."""


class EmbeddedPostgresError(Exception):
    """The sentence says what happened and what to do about it: it is shown to the user as it is."""
