"""Every socket is an open file, and the usual soft limit is far below what a server has."""

import resource


def raised_limit() -> int:
    """Raise the limit of this process, and of those it starts, as far as it may be raised; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
