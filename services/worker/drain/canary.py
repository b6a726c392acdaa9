"""Proof of life: a canary goes in through HTTP and the journal, this worker stores it, and the next one looks for it through HTTP.

What it tells is not that processes run but that events get through: the newest canary that came back grows old whatever is stuck.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import structlog
from psycopg import Connection
from redis import Redis
from redis.exceptions import ResponseError

from services.worker.resources import Resources
from shared.journal.canary import PATH, PROOF_HEADER, PROOF_KEY, SEEN_KEY
from shared.messages import Canary

log = structlog.get_logger()

# It flies in the worker that drains, which has other things to do than to wait for an answer.
HTTP_SECONDS = 2.0
TOKEN_SECONDS = 3600
KEPT_SECONDS = 3600

_STORE = "INSERT INTO canaries (id, sent_at, received_at) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING"
_FORGET = "DELETE FROM canaries WHERE stored_at < now() - make_interval(secs => %s)"


class _Stored(msgspec.Struct):
    """What the query service answers; all null before the first."""

    sent_at: datetime | None
    stored_at: datetime | None


def fly(worker: Resources) -> None:
    """Looks for the newest canary that came back, notes it in Redis, and sends the next. Whatever is away is a warning in the log."""
    url = worker.settings.canary_url
    try:
        found = msgspec.json.decode(_ask(url, "GET"), type=_Stored)
        if found.sent_at and found.stored_at:
            round_trip_seconds = max((found.stored_at - found.sent_at).total_seconds(), 0.0)
            worker.redis.hset(SEEN_KEY, mapping={"sent_at": found.sent_at.timestamp(), "round_trip_seconds": round_trip_seconds})
        canary = Canary(id=uuid4(), sent_at=datetime.now(UTC))
        _ask(url, "POST", msgspec.json.encode(canary), {PROOF_HEADER: _token(worker.redis), "Content-Type": "application/json"})
    except (OSError, HTTPException, ResponseError, msgspec.MsgspecError, _NotTakenError) as error:
        log.warning("canary_lost", error=type(error).__name__, reason=str(error)[:200])


def store(connection: Connection[Any], canary: Canary, received_at: datetime) -> bool:
    """In the caller's transaction, with which old ones go. False if it is there already."""
    connection.execute(_FORGET, [KEPT_SECONDS])
    return connection.execute(_STORE, [canary.id, canary.sent_at, received_at]).rowcount == 1


class _NotTakenError(Exception):
    """An answer that is not 2xx."""


def _token(redis: Redis) -> str:
    """What only who reaches Redis can know; another one every hour."""
    redis.set(PROOF_KEY, token_hex(32), nx=True, ex=TOKEN_SECONDS)
    found: Any = redis.get(PROOF_KEY)
    return str(found, "ascii")


def _ask(url: str, method: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=HTTP_SECONDS)
    try:
        # Among containers the address has another name than the one people ask for.
        connection.request(method, parts.path.rstrip("/") + PATH, body, {"Host": "localhost", **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise _NotTakenError(f"{method} {PATH} was answered {answer.status}")
    return content
