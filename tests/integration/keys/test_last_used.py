"""When a key was used last: noted in memory by both services, written down by ingest."""

from pathlib import Path

from redis import Redis

from shared.auth.key_cache import USED_KEY
from tests.integration.keys.conftest import make_key, running


def test_last_use_is_recorded_from_both_services_and_never_moves_back(database_url: str, redis_url: str, tmp_path: Path) -> None:
    reader, writer, idle = make_key(database_url, "read"), make_key(database_url, "ingest"), make_key(database_url, "read")

    def used(api_was_used: bool) -> dict[str, bool]:
        with running(database_url, redis_url, tmp_path, "open") as api:
            if api_was_used:
                assert api.get(reader, "/api/sessions").status_code == 200
                assert api.post(writer, "/api/events", []).status_code == 200
        rows = api.select("SELECT id, last_used_at FROM api_keys")
        return {row["id"]: row["last_used_at"] is not None for row in rows}

    ids = [key.split("_")[1] for key in (reader, writer, idle)]
    # Ingest has ended first here, and the note of the query service is still there.
    assert [used(True)[key_id] for key_id in ids] == [False, True, False]
    with Redis.from_url(redis_url) as redis:
        assert redis.hkeys(USED_KEY) == [ids[0].encode()]
        assert [used(False)[key_id] for key_id in ids] == [True, True, False]
        assert redis.hkeys(USED_KEY) == []
        redis.hset(USED_KEY, ids[0], "2020-01-01T00:00:00+00:00")
    with running(database_url, redis_url, tmp_path, "open") as api:
        before = api.select("SELECT last_used_at FROM api_keys WHERE id = %s", ids[0])
    assert api.select("SELECT last_used_at FROM api_keys WHERE id = %s", ids[0]) == before
