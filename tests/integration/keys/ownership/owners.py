"""Both services, the worker behind them, and what they have of ann's sessions."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
from redis import Redis

from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import read_captured
from services.worker.drain.drain_partition import drain
from services.worker.importers.job import run_shard
from services.worker.persist.ownership import NOT_YOUR_PROJECT, NOT_YOURS
from services.worker.resources import Resources
from shared.events.messages import ENVELOPE_VERSION, Binding, Envelope, Event, decode_envelope, encode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.integration.keys.conftest import Api
from tests.integration.worker.all_tables import tables
from tests.kept_connection import kept_transaction

ANNS = "aaaaaaaa-0000-4000-8000-000000000001"
LIVE = "ann-by-the-api"
BOBS = "00000000-0000-4000-8000-00000000000b"
AT = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
EARLIER = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def line(number: int, session_id: str, cwd: str, at: datetime, content: Any, kind: str = "user", **more: Any) -> dict[str, Any]:
    """A record of a transcript. The same number is the same record, in whichever session."""
    message: dict[str, Any] = {"role": kind, "content": content}
    if kind == "assistant":
        message |= {"id": f"msg_{number}", "model": "claude-sonnet-4-5", "usage": {"input_tokens": 5, "output_tokens": 7}}
        more |= {"requestId": f"req_{number}"}
    uuid = f"00000000-0000-4000-8000-{number:012}"
    when = f"{at:%Y-%m-%dT%H:%M}:{number % 60:02}.000Z"
    return {"type": kind, "uuid": uuid, "sessionId": session_id, "timestamp": when, "cwd": cwd, "message": message} | more


def conversation(session_id: str, cwd: str, at: datetime, words: str) -> bytes:
    """A prompt, a call of a tool with its result, an answer."""
    use = [{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}]
    result = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": f"{words} of the call"}]
    records = [
        line(1, session_id, cwd, at, f"{words} as a prompt"),
        line(2, session_id, cwd, at, use, "assistant"),
        line(3, session_id, cwd, at, result),
        line(4, session_id, cwd, at, [{"type": "text", "text": f"{words} as an answer"}], "assistant"),
    ]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


class World:
    """Both services, and a worker that does at once what they leave to it."""

    def __init__(self, api: Api, worker: Resources, admin: str) -> None:
        self.api, self.worker, self.admin = api, worker, admin

    def settle(self) -> None:
        """The journal, what was captured, and jobs."""
        while True:
            while drain(self.worker):
                pass
            while read_captured(self.worker, ParserStates()):
                pass
            waiting = self.api.select("SELECT job_id, share FROM import_shares WHERE outcome IS NULL")
            if not waiting:
                return
            for shard in waiting:
                run_shard.run(self.worker, shard["job_id"], shard["share"])

    def put(self, key: str, session_id: str, content: bytes, *, machine: str, file: str | None = None, **query: Any) -> httpx.Response:
        parameters = {"file": file or f"{session_id}.jsonl", "offset": 0} | query
        headers = {"Content-Type": "application/x-ndjson", "X-Tracker-Machine": machine}
        return self.api.ask(key, "PUT", f"/api/transcripts/{session_id}", params=parameters, content=content, headers=headers)

    def upload(self, key: str, name: str, content: bytes) -> httpx.Response:
        headers = {"Prefer": "respond-async"}
        return self.api.ask(key, "POST", "/api/import/claude-data", files={"file": (name, content)}, headers=headers)

    def append(self, *, bound: Binding | None = None, **items: list[Any]) -> None:
        """To the journal, as ingest does if it cannot know whose the session is: Postgres is away, or both came at once."""
        items = {"events": []} | items
        envelope = Envelope(version=ENVELOPE_VERSION, request_id="r", received_at=AT, bound=bound, **items)
        self.worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})

    def replay_dead_letters(self) -> None:
        for letter in self.api.select("SELECT id FROM dead_letters WHERE stored_at IS NULL"):
            assert self.api.ask(self.admin, "POST", f"/api/dead-letters/{letter['id']}/replay").status_code == 202
        self.settle()

    def reparse(self) -> None:
        assert self.api.post(self.admin, "/api/reparse", {}).status_code == 202
        self.settle()

    def anns(self) -> dict[str, Any]:
        """All that is stored and shown of ann's sessions."""
        with kept_transaction(self.worker.settings.database_url) as connection:
            rows = {
                table: [row for row in found if f'"{ANNS}"' in row or f'"{LIVE}"' in row] for table, found in tables(connection).items()
            }
            machines = connection.execute(
                "SELECT session_id, machine_id FROM session_machines WHERE session_id = ANY(%s) ORDER BY 1, 2", [[ANNS, LIVE]]
            ).fetchall()
            calls = connection.execute("SELECT id FROM tool_calls WHERE session_id = %s ORDER BY 1", [ANNS]).fetchall()
        base = f"/api/sessions/{ANNS}/transcript"
        shown = {
            "files": self.api.get(self.admin, f"{base}/files").json(),
            "transcript": self.api.get(self.admin, base).content,
            "calls": [self.api.get(self.admin, f"/api/tool-calls/{call}").json() for (call,) in calls],
            "signals": [self.api.get(self.admin, f"/api/sessions/{each}/signals").json() for each in (ANNS, LIVE)],
            "results": [self.api.get(self.admin, f"/api/tool-calls/{call}/result").content for (call,) in calls],
            "marks": [self.api.get(self.admin, f"/api/sessions/{each}").json() for each in (ANNS, LIVE)],
            "machines": [
                (each["name"], each["user"])
                for each in self.api.get(self.admin, "/api/machines").json()["items"]
                if each["machine_id"] == "ann-laptop"
            ],
        }
        return rows | {"session_machines": machines} | shown

    def refusals(self) -> int:
        """The events that the worker has refused, by dead letters and by errors of jobs."""
        letters = self.api.select("SELECT count(*) FROM dead_letters WHERE reason IN (%s, %s)", NOT_YOURS, NOT_YOUR_PROJECT)
        errors = self.api.select(
            "SELECT count(*) FROM import_jobs, jsonb_array_elements(errors) AS e WHERE e->>'code' LIKE 'SESSION_OF_ANOTHER%%'"
        )
        return int(letters[0]["count"]) + int(errors[0]["count"])


def journal(redis_url: str) -> list[Envelope]:
    """All entries of the journal, in order."""
    with Redis.from_url(redis_url) as redis:
        return [decode_envelope(fields[PAYLOAD_FIELD.encode()]) for _, fields in redis.xrange(stream_key(0))]


def journaled_events(redis_url: str) -> list[Event]:
    return [event for envelope in journal(redis_url) for event in envelope.events]


def forget(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        for name in redis.scan_iter("session:*"):
            redis.delete(name)
