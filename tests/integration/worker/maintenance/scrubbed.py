"""Rows as a version without redaction stored them, and scrubs of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.worker.maintenance.jobs import run_job
from services.worker.resources import Resources
from shared.events.messages import Conversation, Event
from shared.jobs import SCRUB
from shared.redaction.redact import redact_text
from tests.integration.worker.journal_entries import NOW, store
from tests.integration.worker.statements import execute, select

SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
WORD = redact_text(SECRET)


def stored(worker: Resources, *events: Event) -> None:
    """As a version without redaction would have stored them."""
    store(worker, *events)


def message(content: str, seconds: int = 0) -> Conversation:
    return Conversation(session_id="s", content=content, role="user", timestamp=NOW + timedelta(seconds=seconds), id=uuid4())


def asked_for(worker: Resources, *, is_dry_run: bool = False) -> UUID:
    scrub_id = uuid4()
    execute(worker, "INSERT INTO jobs (kind, id, is_dry_run) VALUES ('scrub', %s, %s)", (scrub_id, is_dry_run))
    return scrub_id


def tables(worker: Resources) -> dict[str, list[Any]]:
    names = [
        name for (name,) in select(worker, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'jobs' ORDER BY 1")
    ]
    return {name: select(worker, f"SELECT t::text FROM {name} AS t ORDER BY 1") for name in names}


def ended(worker: Resources, scrub_id: UUID) -> dict[str, str]:
    """The stores that a scrub could not reach, after its end."""
    while run_job(worker, SCRUB, scrub_id):
        pass
    [(status, remains)] = select(worker, "SELECT status, remains FROM jobs WHERE id = %s", [scrub_id])
    assert status == "succeeded"
    found: dict[str, str] = remains
    return found
