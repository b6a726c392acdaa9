"""The canary: an event of our own that goes in through HTTP and the journal, and is looked for through HTTP when the next one is sent.

It shows that events get through, not only that processes run: if anything is stuck, the newest canary that came back grows old.
"""

import time
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
from shared.events.messages import Canary
from shared.journal.canary import PATH, PROOF_HEADER, PROOF_KEY, SEEN_KEY

log = structlog.get_logger()

# Short: it is sent by the worker that drains, which must not wait long for an answer.
HTTP_SECONDS = 2.0
TOKEN_SECONDS = 3600
# When a stack starts, the workers run before what answers them: the gateway begins when ingest and query are healthy, and has no name until then.
START_SECONDS = 60.0
_STARTED_AT = time.monotonic()
KEPT_SECONDS = 3600

_STORE = "INSERT INTO canaries (id, sent_at, received_at) VALUES (%(id)s, %(sent_at)s, %(received_at)s) ON CONFLICT (id) DO NOTHING"
_DELETE_OLD = "DELETE FROM canaries WHERE stored_at < now() - make_interval(secs => %(seconds)s)"


class _NewestStored(msgspec.Struct):
    """The query service's answer. Both are null before the first canary."""

    sent_at: datetime | None
    stored_at: datetime | None


class _NotAcceptedError(Exception):
    """An answer that is not 2xx."""


def check_and_send(worker: Resources) -> None:
    """Checks for the newest canary that came back, then sends the next. If a service is unavailable, it only logs: a warning, but while the stack starts."""
    try:
        check_canary(worker)
        send_canary(worker)
    except OSError as error:
        # No server answers at that name or address.
        is_starting = time.monotonic() - _STARTED_AT < START_SECONDS
        tell = log.info if is_starting else log.warning
        tell("canary_waits" if is_starting else "canary_failed", error=type(error).__name__, reason=str(error)[:200])
    except (HTTPException, ResponseError, msgspec.MsgspecError, _NotAcceptedError) as error:
        log.warning("canary_failed", error=type(error).__name__, reason=str(error)[:200])


def check_canary(worker: Resources) -> None:
    """Asks for the newest canary that was stored, and notes it in Redis."""
    found = msgspec.json.decode(_ask(worker.settings.canary_url, "GET"), type=_NewestStored)
    if found.sent_at and found.stored_at:
        round_trip_seconds = max((found.stored_at - found.sent_at).total_seconds(), 0.0)
        worker.redis.hset(SEEN_KEY, mapping={"sent_at": found.sent_at.timestamp(), "round_trip_seconds": round_trip_seconds})


def send_canary(worker: Resources) -> None:
    """Sends a new canary to ingest."""
    canary = Canary(id=uuid4(), sent_at=datetime.now(UTC))
    headers = {PROOF_HEADER: _token(worker.redis), "Content-Type": "application/json"}
    _ask(worker.settings.canary_url, "POST", msgspec.json.encode(canary), headers)


def store(connection: Connection[Any], canary: Canary, received_at: datetime) -> bool:
    """Stores a canary in the caller's transaction, and deletes old ones. False if it is stored already."""
    connection.execute(_DELETE_OLD, {"seconds": KEPT_SECONDS})
    return connection.execute(_STORE, {"id": canary.id, "sent_at": canary.sent_at, "received_at": received_at}).rowcount == 1


def _token(redis: Redis) -> str:
    """A token that proves access to Redis. It changes every hour."""
    redis.set(PROOF_KEY, token_hex(32), nx=True, ex=TOKEN_SECONDS)
    found: Any = redis.get(PROOF_KEY)
    return str(found, "ascii")


def _ask(url: str, method: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=HTTP_SECONDS)
    try:
        # Inside a container network the host has another name than the one that the services allow.
        connection.request(method, parts.path.rstrip("/") + PATH, body, {"Host": "localhost", **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise _NotAcceptedError(f"{method} {PATH} was answered {answer.status}")
    return content
