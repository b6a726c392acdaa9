"""The errors of both services' APIs. Each has one code, the same in the body, the log and the metric.

ApiError
├── BadRequest 400            VALIDATION_ERROR, INVALID_JSON, INVALID_CURSOR, INVALID_FILE, UNKNOWN_PROJECT_FILE
├── Unauthorized 401          UNAUTHORIZED (with WWW-Authenticate)
├── Forbidden 403             FORBIDDEN
├── OriginNotAllowed 403      ORIGIN_NOT_ALLOWED
├── NotFound 404              NOT_FOUND, PROJECT_NOT_FOUND, SESSION_NOT_FOUND, JOB_NOT_FOUND, SCRUB_NOT_FOUND,
│                             ERASURE_NOT_FOUND, EXPORT_NOT_FOUND, DEAD_LETTER_NOT_FOUND, VIEW_NOT_FOUND, TRANSCRIPT_NOT_FOUND,
│                             ITEM_NOT_FOUND, SUBAGENT_NOT_FOUND, RETENTION_RULE_NOT_FOUND, RETENTION_RUN_NOT_FOUND,
│                             PRICE_NOT_FOUND, REPRICE_NOT_FOUND
├── MethodNotAllowed 405      METHOD_NOT_ALLOWED
├── RequestTimeout 408        REQUEST_TIMEOUT
├── Conflict 409              CONFLICT, OFFSET_MISMATCH, GENERATION_SUPERSEDED
├── Gone 410                  TRANSCRIPT_GONE, EXPORT_GONE, TEXTS_DROPPED, ERASED
├── PayloadTooLarge 413       PAYLOAD_TOO_LARGE
├── UnsupportedMediaType 415  UNSUPPORTED_MEDIA_TYPE
├── HostNotAllowed 421        HOST_NOT_ALLOWED
├── TooManyTries 429          TOO_MANY_TRIES (with Retry-After)
├── NotEnoughQuota 429        NOT_ENOUGH_QUOTA (with Retry-After)
└── Unavailable 503           QUEUE_UNAVAILABLE, DATABASE_UNAVAILABLE, BACKLOG_FULL, JOURNAL_BEHIND, PIPELINE_STUCK,
                              OVERLOADED, UPLOADS_UNAVAILABLE, ARCHIVE_UNAVAILABLE (with Retry-After)
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

T = TypeVar("T")

# For responses to an incomplete body: the server need not read the rest.
_CLOSED: Final = {"Connection": "close"}


class ApiError(Exception):
    """A response that is not 2xx. `message` tells a person what to do next; `details` names the fields."""

    status = 500
    code = "INTERNAL_ERROR"
    sent_with: Mapping[str, str] = {}

    def __init__(self, message: str, *, code: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = details or {}
        self.headers = dict(self.sent_with)

    def body(self) -> dict[str, Any]:
        """The one shape of every error: {"error": true, "message", "code", "details"}."""
        return {"error": True, "message": self.message, "code": self.code, "details": self.details}


class BadRequest(ApiError):
    status, code = 400, "VALIDATION_ERROR"


class Unauthorized(ApiError):
    """The API key is missing or invalid. `challenge` goes into WWW-Authenticate."""

    status, code = 401, "UNAUTHORIZED"

    def __init__(self, message: str, *, challenge: str = "Bearer") -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": challenge}


class Forbidden(ApiError):
    status, code = 403, "FORBIDDEN"


class OriginNotAllowed(ApiError):
    status, code = 403, "ORIGIN_NOT_ALLOWED"


class NotFound(ApiError):
    status, code = 404, "NOT_FOUND"


class MethodNotAllowed(ApiError):
    status, code = 405, "METHOD_NOT_ALLOWED"


class RequestTimeout(ApiError):
    status, code = 408, "REQUEST_TIMEOUT"
    sent_with = _CLOSED


class Conflict(ApiError):
    status, code = 409, "CONFLICT"


class Gone(ApiError):
    status, code = 410, "TRANSCRIPT_GONE"


class PayloadTooLarge(ApiError):
    status, code = 413, "PAYLOAD_TOO_LARGE"
    sent_with = _CLOSED


class UnsupportedMediaType(ApiError):
    status, code = 415, "UNSUPPORTED_MEDIA_TYPE"


class HostNotAllowed(ApiError):
    status, code = 421, "HOST_NOT_ALLOWED"


class TooManyTries(ApiError):
    """The address has presented too many keys that are not valid."""

    status, code = 429, "TOO_MANY_TRIES"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(retry_after_seconds)}


class NotEnoughQuota(ApiError):
    """A window of the account has less left than is needed."""

    status, code = 429, "NOT_ENOUGH_QUOTA"

    def __init__(self, message: str, *, retry_after_seconds: int, details: dict[str, Any]) -> None:
        super().__init__(message, details=details)
        self.headers = {"Retry-After": str(retry_after_seconds)}


class Unavailable(ApiError):
    """The request cannot be served now; the client should retry after `retry_after_seconds`. If it may have been stored all the same, `details` says so."""

    status, code = 503, "QUEUE_UNAVAILABLE"

    def __init__(self, message: str, *, code: str, retry_after_seconds: int = 1) -> None:
        super().__init__(message, code=code)
        self.headers = {"Retry-After": str(retry_after_seconds)}


def invalid(field: str, reason: str) -> BadRequest:
    """A 400 about one field."""
    return BadRequest(f"{field}: {reason}", details={field: reason})


def existing(found: T | None, missing: Exception) -> T:
    """Returns `found`. Raises `missing` if it is None."""
    if found is None:
        raise missing
    return found
