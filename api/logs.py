"""
Logs: one JSON line an event, on stderr, of names, codes, sizes and ids.

Rule 1: never a body, a token, a phone number, a query string, or the text of an error.
"""

import logging
import sys
import traceback
from typing import Any

import stamina.instrumentation
import structlog


def configure(*, development: bool) -> None:
    """Set up the process's logs: readable lines in development, JSON otherwise."""
    renderer: Any = structlog.processors.JSONRenderer()
    if development:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    stamina.instrumentation.set_on_retry_hooks(())  # its own would log the text of the error


def fault(error: BaseException) -> dict[str, str]:
    """Return what a log may say of an error: its kind and where it was raised. Its text may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "where": where}
