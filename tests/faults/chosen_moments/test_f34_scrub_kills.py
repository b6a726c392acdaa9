"""F34: a scrub of texts goes on behind a worker that died, at whichever moment, and keeps nothing of what it was given."""

from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.faults.pace import wait_until
from tests.faults.product.instants import start_session
from tests.faults.product.stack import Stack
from tests.faults.product.victims import kill, pool_of

# A lease has to expire, beat has to look, and files are written anew. (While they are, the lease is eleven minutes long.)
SCRUB_SECONDS = 120.0
# {moment: what the worker sends then, and whether the server has done it}
OF_POSTGRES = {
    "before texts are kept out": (b"INSERT INTO kept_out_texts", False),
    "texts are kept out, and it does not know": (b"INSERT INTO kept_out_texts", True),
    "before a row changes": (b"UPDATE messages SET", False),
    "before its half is deleted in Postgres": (b"DELETE FROM scrub_texts", False),
    "its half is deleted, and it does not know": (b"DELETE FROM scrub_texts", True),
}
OF_REDIS = {"before the other half is deleted": (b"DEL\r\n", False), "the other half is deleted, and it does not know": (b"DEL\r\n", True)}


@pytest.mark.parametrize("moment", [*OF_POSTGRES, *OF_REDIS])
def test_a_scrub_whose_worker_is_killed_ends_and_keeps_nothing(proxied: Stack, moment: str) -> None:
    # Given a stored text, and a scrub of it that is held at the moment
    text, session_id = f"vaku-{uuid4().hex}", start_session(proxied)
    body = {"session_id": session_id, "role": "user", "content": f"it is {text}"}
    sent = httpx.post(f"{proxied.url}/api/conversations", json=body, headers={"Prefer": "wait=20"}, timeout=40, trust_env=False)
    assert sent.json()["status"] == "persisted"
    proxy = proxied.postgres_proxy if moment in OF_POSTGRES else proxied.redis_proxy
    pattern, on_answer = (OF_POSTGRES | OF_REDIS)[moment]
    trap = proxy.trap(pattern, on_answer=on_answer)
    scrub = httpx.post(f"{proxied.url}/api/scrubs", json={"texts": [text], "keep_out": False}, timeout=40, trust_env=False)
    assert scrub.status_code == 202, scrub.text
    trap.wait(SCRUB_SECONDS)

    # When its worker dies there
    kill(pool_of(proxied, "worker-background"))
    proxy.release(trap)

    # Then another worker brings it to its end
    location = f"{proxied.url}{scrub.headers['location']}"
    assert wait_until(lambda: httpx.get(location, timeout=40, trust_env=False).json()["status"] == "succeeded", SCRUB_SECONDS), moment
    # and nothing is left: of the text in any row or file, and of what was given in either half
    with proxied.database() as connection, proxied.redis() as redis:
        counts = "SELECT (SELECT count(*) FROM scrub_texts), (SELECT count(*) FROM kept_out_texts), (SELECT count(*) FROM messages WHERE content LIKE %s)"
        assert connection.execute(counts, (f"%{text}%",)).fetchone() == (0, 0, 0)
        assert list(redis.scan_iter(match="scrub:half:*")) == []
    found = httpx.get(f"{proxied.url}/api/conversations", params={"session_id": session_id}, timeout=40, trust_env=False).json()
    assert found["items"][0]["content"].startswith("it is [redacted:text:")
    folder = proxied.paths.postgres.parent
    assert [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()] == []
