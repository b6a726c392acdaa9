"""Brings telemetry to the worker as ingest puts it on the journal."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection

from services.ingest.telemetry import otlp_records
from services.ingest.telemetry.kept_signals import signals_of_logs, signals_of_metrics, signals_of_spans
from services.ingest.telemetry.otlp_answers import JSON
from services.worker.drain.store_captured import Captured, Received, store_captured
from shared.events.messages import Signal
from tests.integration.worker.capture.captured import RECEIVED_AT
from tests.telemetry import Json, encoded


def signals_of(export: Json, now: datetime = RECEIVED_AT) -> list[Signal]:
    """The signals that are kept of an export of logs, metrics or traces."""
    body = encoded(export)
    return [
        *signals_of_logs(otlp_records.logs(body, JSON), now).signals,
        *signals_of_metrics(otlp_records.metrics(body, JSON), now).signals,
        *signals_of_spans(otlp_records.spans(body, JSON), now).signals,
    ]


def put_signals(
    connection: Connection[Any], signals: Iterable[Signal], *, user: str | None = "ann", bound_user: str | None = None
) -> Captured:
    """Stores them as the drain does."""
    items = [msgspec.structs.replace(signal, user=user, bound_user=bound_user) for signal in signals]
    return store_captured(connection, [Received(item, RECEIVED_AT, "r", f"entry-{item.id}") for item in items])
