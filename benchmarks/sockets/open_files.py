"""Every socket is an open file, and the usual soft limit is far below what a server has."""

import resource
from typing import Final

ENOUGH: Final = 10_000


def raised_limit() -> int:
    """Raise the limit of this process, and of those it starts, where it is not enough; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reachable = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < reachable:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    return reachable
