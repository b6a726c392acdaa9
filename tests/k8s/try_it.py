"""`make k8s-try`: every pod that overlays/single renders runs as a container on Docker, an event goes through all of it, and each stops in time.

Kubernetes' own part is not tried: there is no scheduler, no kubelet, no policy here. The part that runs in the pods is.
"""

import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.k8s.manifests import pod
from tests.k8s.on_docker import NETWORK, PREFIX, Node, docker

OVERLAY = "single"
STORES = ("postgres", "redis")
SERVICES = ("gateway", "ingest", "query", "worker-drain", "worker-import", "beat", "flower")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def main(tag: str) -> None:
    """Exits with a sentence if something is not as it should be."""
    clean()
    docker("network", "create", NETWORK)
    with TemporaryDirectory(prefix="tracker-k8s-try-") as folder:
        Path(folder).chmod(0o755)
        nodes = {name: Node(pod(OVERLAY, name), OVERLAY, Path(folder), tag) for name in (*STORES, "migrate", "console", *SERVICES)}
        try:
            tell(nodes)
        finally:
            clean()


def tell(nodes: dict[str, Node]) -> None:
    for name in STORES:
        nodes[name].start()
    nodes["migrate"].start()
    ended = docker("wait", nodes["migrate"].name).stdout.strip()
    check(ended == "0", f"migrate ends with {ended}")
    check_refusal(nodes["ingest"])
    nodes["console"].start()
    key = docker("exec", nodes["console"].name, "python", "-m", "deploy.keys", "create", "--scope", "admin").stdout.strip()
    check(key.startswith("cct_"), "console makes the first key")
    for name in SERVICES:
        nodes[name].start()
    check_event(f"http://{nodes['gateway'].address()}:8000", key)
    for name in (*STORES, *SERVICES):
        for probe in PROBES:
            nodes[name].wait_for(probe)
        print(f"ok  {name} passes all its probes", flush=True)
    for name in reversed((*STORES, *SERVICES)):
        code, seconds = nodes[name].stop()
        # 137: killed, its grace being over.
        check(code != 137, f"{name} stops by itself in {seconds:.1f} s (exit {code})")


def check_refusal(ingest: Node) -> None:
    with suppress(SystemExit):
        ingest.start()
    log = docker("logs", ingest.name)
    said = log.stdout + log.stderr
    if ingest.has_ended():
        check("there is no key with the scope admin yet" in said, "ingest does not start without a key, and says so")
    else:
        # On a machine that is too busy: the database did not answer in time, and whether there is a key was not known.
        check("admin_key_not_looked_for" in said, "ingest starts without a key only if the database does not answer in time")
    docker("rm", "--force", ingest.name)


def check_event(url: str, key: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    session = {"project_path": "/try", "user": "ann", "session_id": "try", "start_time": now}
    check(ask(url, key, "/api/sessions/start", session)[0] < 300, "a session begins")
    said = {"session_id": "try", "role": "user", "content": "is anybody there?", "timestamp": now}
    status, answer = ask(url, key, "/api/conversations", said)
    check(answer.get("status") == "persisted", f"an event is stored ({status} {answer.get('status')})")
    check(ask(url, key, "/api/conversations/search?q=anybody")[1]["total"] == 1, "it is found")
    check(ask(url, "", "/api/projects")[0] == 401, "who has no key is refused")
    check(ask(url, "", "/flower/")[0] == 401, "Flower asks for its login")
    deadline = time.monotonic() + 60
    while (ready := ask(url, "", "/readyz"))[0] != 200 and time.monotonic() < deadline:
        time.sleep(1)
    check(ready[0] == 200, f"the whole is ready: {ready[1]}")


def ask(url: str, key: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Host": "gateway", "Content-Type": "application/json", "Prefer": "wait=10"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        with urlopen(Request(url + path, json.dumps(body).encode() if body else None, headers), timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, error.read().decode()


def check(is_so: bool, what: str) -> None:
    print(f"{'ok ' if is_so else 'NOT'} {what}", flush=True)
    if not is_so:
        sys.exit(f"This is not so: {what}")


def clean() -> None:
    """Removes what this made, and nothing else."""
    names = docker("ps", "--all", "--quiet", "--filter", f"name=^{PREFIX}").stdout.split()
    if names:
        docker("rm", "--force", "--volumes", *names)
    docker("network", "rm", NETWORK, check=False)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "latest")
