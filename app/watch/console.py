"""Standard output, as somebody at a terminal or a program behind a pipe reads it."""

import errno
import os
import sys
from io import TextIOWrapper

from rich.console import Console


class PipedConsole(Console):
    """One that leaves it to the caller what to do when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Called while the error is handled; rich would end the process from here, in the middle of a task."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def output_console(*, with_color: bool) -> PipedConsole:
    """A character that the output has no code for is replaced, never refused."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return PipedConsole(color_system="auto" if with_color else None, highlight=False)
