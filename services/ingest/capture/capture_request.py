"""Common to hooks and ranges of transcripts: the query, the machine and the user that a request names."""

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.key_binding import binding_of
from shared.events.messages import MACHINE_ID
from shared.http.errors import BadRequest, Forbidden, invalid
from shared.redaction.redact import redact_text

MACHINE_HEADER: Final = b"x-tracker-machine"
_MACHINE: Final = re.compile(MACHINE_ID)
_MAX_NAME: Final = 200


def query_of(request: Request, allowed: Collection[str]) -> dict[str, str]:
    """The query's parameters. BadRequest for one that is not allowed, that comes twice, or that is not UTF-8."""
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise invalid("query", "must be percent-encoded UTF-8") from None
    found = dict(pairs)
    if unknown := sorted(found.keys() - set(allowed)):
        raise BadRequest(
            f"This takes no query parameter {', '.join(unknown)[:200]}; it takes {', '.join(allowed)}.",
            details={name[:200]: "unknown query parameter" for name in unknown[:20]},
        )
    if len(found) < len(pairs):
        raise invalid("query", "has a parameter twice")
    return found


def machine_of(headers: Mapping[bytes, bytes]) -> str:
    """The machine that X-Tracker-Machine names; "" without the header."""
    value = headers.get(MACHINE_HEADER, b"").decode("latin-1").strip()
    if value and not _MACHINE.fullmatch(value):
        raise invalid("X-Tracker-Machine", "must have 1 to 64 letters, digits, - or _")
    return value


def user_of(request: Request, query: Mapping[str, str]) -> str | None:
    """Whose work it is: the user that the API key is bound to, else the query's, without a secret.

    Forbidden for a key that is bound to projects: which project a session is in would have to be asked of Postgres, and nothing here waits for it.
    """
    binding = binding_of(request)
    if binding.project_ids is not None:
        raise Forbidden("This key is bound to projects; live capture needs a key that is bound to a user, or to nothing.")
    if binding.user is not None:
        return binding.user
    user = identifier(query.get("user"), "user")
    return redact_text(user) if user and ingest_of(request).settings.redact else user


def identifier(value: str | None, field: str) -> str | None:
    """The value, if it can be an identifier. BadRequest if it is empty, too long or has control characters; None stays None."""
    if value is None:
        return None
    if not 1 <= len(value) <= _MAX_NAME:
        raise invalid(field, f"must have 1 to {_MAX_NAME} characters")
    check_identifier(value, field)
    return value
