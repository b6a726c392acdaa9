"""Behind ingest: foreign messages on the broker, forged log lines and request ids."""

import base64
import io
import json
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from celery import Celery
from kombu.exceptions import ContentDisallowed
from redis import Redis

from services.worker.app import WORKER_SETTINGS
from shared.broker import KEY_PREFIX, Task, celery_settings
from shared.logs import configure_logs
from shared.queues import Queue
from tests.integration.attacks.conftest import Target


class Exploit:
    """Unpickling it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("content_type", ["application/x-python-serialize", "application/x-yaml"])
def test_a_pickled_broker_message_is_refused_without_decoding_it(redis_url: str, tmp_path: Path, content_type: str) -> None:
    trace = tmp_path / "ran"
    body = base64.b64encode(pickle.dumps([[], {}, Exploit(trace)])).decode()
    with Redis.from_url(redis_url) as redis:
        redis.lpush(KEY_PREFIX + Queue.DRAIN, json.dumps(envelope(body, content_type)))
    app = Celery("reader")
    app.conf.update(celery_settings(redis_url) | WORKER_SETTINGS)
    refusals: list[type[Exception]] = []

    def on_message(_body: Any, _message: Any) -> None:
        raise AssertionError("decoded")

    def on_refused(message: Any, error: Exception) -> None:
        refusals.append(type(error))
        message.reject()

    with app.connection_for_read() as connection, connection.channel() as channel:
        consumer = app.amqp.TaskConsumer(channel, queues=[app.amqp.queues[Queue.DRAIN]], callbacks=[on_message], on_decode_error=on_refused)
        with consumer:
            connection.drain_events(timeout=60)
    assert refusals == [ContentDisallowed]
    assert not trace.exists()


def envelope(body: str, content_type: str) -> dict[str, Any]:
    """A message as kombu puts it into a list of Redis."""
    tag = str(uuid4())
    info = {"exchange": "", "routing_key": Queue.DRAIN}
    properties = {
        "correlation_id": tag,
        "delivery_mode": 2,
        "delivery_info": info,
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": tag,
    }
    headers = {"lang": "py", "task": Task.DRAIN, "id": tag}
    return {"body": body, "content-encoding": "binary", "content-type": content_type, "headers": headers, "properties": properties}


FORGED = 'x"}\n{"event": "forged", "level": "info"}\r\n\x1b[2J\x1b[31mred\x00'


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The text that the process' log would hold."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    root = logging.getLogger()
    before = (root.handlers, root.level, structlog.get_config())
    configure_logs("test", "DEBUG")
    structlog.configure(cache_logger_on_first_use=False)
    yield written
    root.handlers, level, config = before
    root.setLevel(level)
    structlog.configure(**config)


def test_log_values_cannot_forge_another_log_line(log: io.StringIO) -> None:
    structlog.get_logger().warning("request_refused", path=FORGED, route=FORGED)
    logging.getLogger("elsewhere").warning("said %s", FORGED)
    lines = log.getvalue().splitlines()
    assert [json.loads(line)["service"] for line in lines] == ["test", "test"]
    assert json.loads(lines[0])["path"] == FORGED
    assert "\x1b" not in log.getvalue()


@pytest.mark.parametrize("given_id", ["a\tb", "a\x1b[31m", '"}{', "x" * 129, "\xe9"])
def test_an_unsafe_request_id_is_replaced(target: Target, given_id: str) -> None:
    answer = target.http.get("/healthz", headers=[(b"x-request-id", given_id.encode("latin-1"))])  # type: ignore[arg-type]
    assert answer.headers["x-request-id"].isalnum()


def test_bodies_and_searches_are_not_logged(target: Target, log: io.StringIO) -> None:
    marker = "do-not-log-me"
    target.post("/api/conversations", json.dumps({"session_id": marker, "role": "user", "content": marker}).encode())
    target.post("/api/conversations", marker.encode())
    target.http.get("/api/conversations/search", params={"q": marker})
    target.http.get("/api/conversations", params={marker: "1"})
    ours = [line for line in log.getvalue().splitlines() if not json.loads(line).get("logger", "").startswith("http")]
    assert sum("request_refused" in line for line in ours) == 3
    assert marker not in "".join(line for line in ours if "HTTP Request" not in line)
