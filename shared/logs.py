"""Logs: one JSON object a line on stdout. Event names are constants, data is in fields, bodies and texts are never logged."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

# Lines of an exception's text in which Postgres quotes the row that it refused.
_QUOTING = ("DETAIL:", "CONTEXT:")


def _without_quotes(exception: str) -> str:
    """From a line that quotes to where the text goes on in Python's own words."""
    kept: list[str] = []
    is_quoting = False
    for line in exception.split("\n"):
        is_quoting = line.startswith(_QUOTING) or (
            is_quoting and not line.startswith(("Traceback", "The above exception", "During handling"))
        )
        if not is_quoting:
            kept.append(line)
    return "\n".join(kept)


def _quote_nothing(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """An exception's text is the only text here that we did not write."""
    if "exception" in fields:
        # 11 MB, which the writer of a search index does not need for anything else.
        from shared.redaction.redact import redact_text  # noqa: PLC0415

        fields["exception"] = redact_text(_without_quotes(str(fields["exception"])))
        fields["event"] = redact_text(str(fields.get("event", "")).partition("DETAIL:")[0])
    return fields


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    _quote_nothing,
]


def configure_logs(service: str, level: str = "INFO") -> None:
    """Sends structlog and the standard library's logging through one JSON renderer. Called once, at a process' start."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_SHARED],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _name_service(service),
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "celery.app.trace", "celery.beat", "celery.worker.strategy", "httpx"):
        logging.getLogger(noisy).setLevel("WARNING")
    for own in ("uvicorn", "uvicorn.error"):
        logging.getLogger(own).handlers = []


def _name_service(service: str) -> Processor:
    def add(_logger: object, _method: str, fields: EventDict) -> EventDict:
        fields["service"] = service
        return fields

    return add
