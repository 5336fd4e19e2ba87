"""Logs: one line an event, to stderr. Never a body, a transcript, a secret or the text of an exception."""

import logging
import sys

import structlog


def configure_logs(level: str) -> None:
    """Set both structlog and the standard library's logging, which the server uses, to the level."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    # Uvicorn logs the query of a socket, which may hold a token.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
