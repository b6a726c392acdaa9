"""`make up` as a newcomer has it: `python .ci/try_up.py CLONE PATH PORT` starts it in a clone, sends an event, reads it back, and ends it by Ctrl-C.

Needs nothing but the standard library. Exit code 1 with what `make up` said if any of that fails.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BUILT_SECONDS, STOPPED_SECONDS = 900.0, 90.0
# What `make up` listens on by itself.
USUAL_PORT = 8000
SESSION = {"session_id": "first", "project_path": "/home/ann/app", "user": "ann"}
MESSAGE = {"session_id": "first", "role": "user", "content": "Hello?"}


def main(clone: Path, path: str, port: int) -> None:
    """Prints one line; SystemExit if something is not as the README says."""
    # A script starts it in the background, where it would ignore Ctrl-C, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Nothing that a developer or CI has set is for it.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "PYTEST_", "VIRTUAL_ENV", "PYTHON"))}
    env["PATH"] = path
    if not is_free(port):
        port = free_port()
    if port != USUAL_PORT:
        env["TRACKER_PORT"] = str(port)
    url = f"http://127.0.0.1:{port}"
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        up = subprocess.Popen(["make", "up"], cwd=clone, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            while status(f"{url}/readyz") != 200:
                if up.poll() is not None or time.monotonic() - started > BUILT_SECONDS:
                    fail("it did not become ready", output)
                time.sleep(0.2)
            ready_seconds = time.monotonic() - started
            send(f"{url}/api/sessions/start", SESSION)
            answer = send(f"{url}/api/conversations", MESSAGE)
            if answer.get("status") != "persisted" or get(f"{url}/api/stats")["totals"]["messages"] != 1:
                fail(f"the event was not stored: {answer}", output)
        finally:
            stop(up)
        if "Stopped; nothing is left running." not in said(output) or not is_free(port):
            fail("it did not stop cleanly", output)
    python = subprocess.run([clone / ".venv/bin/python", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"make up with {python}: ready after {ready_seconds:.0f} s with its environment, took an event, stopped.", flush=True)  # noqa: T201


def stop(up: "subprocess.Popen[bytes]") -> None:
    """As Ctrl-C in a terminal: to make and to what it runs."""
    if up.poll() is None:
        os.killpg(up.pid, signal.SIGINT)
    try:
        up.wait(STOPPED_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(up.pid, signal.SIGKILL)


def send(url: str, body: dict[str, str]) -> dict[str, str]:
    """The answer of a write, once it can be read."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    body = body | ({"start_time": now} if url.endswith("start") else {"timestamp": now})
    headers = {"Content-Type": "application/json", "Prefer": "wait=30"}
    return get(urllib.request.Request(url, json.dumps(body).encode(), headers))  # noqa: S310


def get(request: "str | urllib.request.Request") -> dict:
    """An answer's JSON."""
    with OPENER.open(request, timeout=60) as answer:
        return json.load(answer)


def status(url: str) -> int:
    """An answer's status; 0 if there is none."""
    try:
        with OPENER.open(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    """One that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def said(output: "tempfile._TemporaryFileWrapper[str]") -> str:
    """All that `make up` has printed."""
    output.seek(0)
    return output.read()


def fail(reason: str, output: "tempfile._TemporaryFileWrapper[str]") -> None:
    """Ends with the reason and what was printed."""
    sys.exit(f"make up: {reason}. It printed:\n{said(output)}")


# No proxy: a proxy of the environment knows nothing of this machine's loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
