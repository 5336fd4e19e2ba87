"""What stands in the way of reading an older database."""


class LegacyUnreadable(Exception):
    """It cannot be read; the sentence says why and what to do, and repeats no password."""
