"""Structured logs on standard error, from structlog and the standard library alike.

Events are short fixed phrases; what varies goes into key-value pairs, so that the lines can
be counted and searched. No personal data: a person's id is never logged.
"""

import logging.config
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor

from pipeline.settings import Settings

_NOISY = ("aiokafka", "asyncio", "faust", "httpx", "kafka", "mode")
"""Clients that tell every connection and rebalance at INFO."""

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


_PAIRS = structlog.processors.KeyValueRenderer()


def configure(settings: Settings) -> None:
    """Send the logs of this process to standard error in the form of the settings."""
    logging.config.dictConfig(logging_config(settings))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def leave_to_the_program() -> None:
    """Hand log lines to the standard library's loggers, if the program has not configured any.

    For code that is used from programs of others: structlog by itself prints them on
    standard output.
    """
    if not structlog.is_configured():
        structlog.configure(
            processors=[structlog.stdlib.filter_by_level, _render_as_message],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )


def _render_as_message(logger: Any, name: str, event: EventDict) -> dict[str, Any]:
    """The event with its pairs as the message: a program's format shows no ``extra``."""
    told = event.pop("event")
    kept = {key: event.pop(key) for key in ("exc_info", "stack_info") if key in event}
    pairs = _PAIRS(logger, name, event)
    return {"msg": f"{told} {pairs}".strip(), **kept}


def logging_config(settings: Settings) -> dict[str, Any]:
    """The standard library's configuration, for ``dictConfig`` and Faust's ``logging_config``."""
    quiet = "DEBUG" if settings.log_level == "DEBUG" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_rendering(settings),
                ],
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": settings.log_level},
        "loggers": {name: {"level": quiet} for name in _NOISY},
    }


def _rendering(settings: Settings) -> list[Processor]:
    if settings.log_format == "json":
        return [
            # Without local variables, which may hold passwords and personal data.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    # Rich tracebacks would show the frames' locals: personal data, and seconds of rendering.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
