"""Logs: constant text, values in fields, one JSON object a line. Never a token or a message."""

from __future__ import annotations

import logging
import sys

import structlog
from aiohttp.http_exceptions import HttpProcessingError

_SECRET_FIELDS = frozenset({"token", "password", "secret", "authorization", "phone", "email"})


def configure(level: str, style: str) -> None:
    """Sets logging up for the process. `style`: json, console, or auto (console on a terminal)."""
    pretty = style == "console" or (style == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # What libraries log goes the same way, from warnings on.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=renderer,
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    logging.getLogger("aiohttp.server").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    """Drops what aiohttp logs as errors when somebody sends it what is not HTTP: it is answered
    with 400, and a stranger must not be able to fill the log with tracebacks."""
    problem = record.exc_info[1] if record.exc_info else None
    return not (isinstance(problem, HttpProcessingError) and problem.code < 500)


def _hide_secrets(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for name in _SECRET_FIELDS & event.keys():
        event[name] = "…"
    return event
