"""The index of sessions of a service, as it is once everything is in it."""

from typing import Any

import psycopg
from starlette.testclient import TestClient

from services.query.session_index.fields import open_index
from services.query.session_index.session_texts import documents_of


def catch_up(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    """From now on the service ranks the sessions that have documents now."""
    index = open_index(None)
    writer = index.writer(heap_size=15_000_000, num_threads=1)
    ids = [row[0] for row in connection.execute("SELECT DISTINCT session_id FROM search_documents WHERE session_id IS NOT NULL")]
    for _, document in documents_of(connection, ids):
        writer.add_document(document)
    writer.commit()
    index.reload()
    client.app.state.session_index.index = index  # type: ignore[attr-defined]
