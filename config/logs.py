"""What is written down: one line per event, about nobody's phone number."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

# A number with its plus sign, in any grouping; or ten to fifteen digits that stand alone.
PHONE_NUMBER = re.compile(r"\+\d(?:[\s().-]{0,2}\d){6,14}(?!\d)|(?<![\w.+-])[1-9]\d{9,14}(?![\w.-])")

Event = dict[str, Any]


def without_phone_numbers(text: str) -> str:
    """Return `text` with every phone number cut down to its last two digits."""
    return PHONE_NUMBER.sub(lambda number: f"<phone …{number[0][-2:]}>", text)


def redact(_logger: Any, _method: str, event: Event) -> Event:
    """A structlog processor: whatever an event carries, numbers do not reach the log."""
    return {key: _redacted(value) for key, value in event.items() if key != "_record"} | {
        key: event[key] for key in ("_record",) if key in event
    }


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return without_phone_numbers(value)
    if isinstance(value, dict):
        return {_redacted(key): _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_phone_numbers(str(value))


class RequestContext:
    """Middleware: every line logged during a request carries the same `request_id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with structlog.contextvars.bound_contextvars(request_id=uuid.uuid4().hex):
            return self.get_response(request)


def configure(*, level: str, lines_for: str) -> Event:
    """Set structlog up and return Django's LOGGING: JSON lines for a "program", plain ones for a "person"."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.dev.ConsoleRenderer(colors=False)
        if lines_for == "person"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                "processors": [
                    structlog.processors.format_exc_info,
                    redact,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        # Django's own handlers would print past the redaction.
        "loggers": {"django": {"handlers": [], "propagate": True}, "celery.app.trace": {"level": "WARNING"}},
    }
