"""The running containers as the engine reports them, and as a stranger sees them: no unneeded rights, nothing open."""

import subprocess
from typing import Any

import httpx2 as httpx

from deploy.containers import compose
from tests.compose.stack import Composed

ROOTS = {"", "0", "root", "0:0", "root:root"}


def check(stack: Composed) -> str:
    """AssertionError, which names the container and what it should not have."""
    stack.use()
    found = [stack.inspect(one["ID"]) for one in compose.containers(also_stopped=True)]
    for container in found:
        _check_rights(container)
        _check_ports(container, stack.port)
        _check_limits(container)
    for one in compose.containers():
        _check_user(one["ID"], one["Service"])
    return f"{len(found)} containers: no root, no capability, nothing to write to but their places, limits, one port on loopback"


def check_flower(stack: Composed) -> str:
    """Flower requires its login; its metrics are not reachable from outside."""
    user, _, password = stack.secret("TRACKER_FLOWER_BASIC_AUTH").partition(":")
    with httpx.Client(base_url=stack.url, timeout=30, trust_env=False) as client:
        answers = {
            "nobody": client.get("/flower/").status_code,
            "a wrong password": client.get("/flower/", auth=(user, "wrong")).status_code,
            "the login": client.get("/flower/", auth=(user, password)).status_code,
            "its metrics": client.get("/flower/metrics").status_code,
        }
    assert answers == {"nobody": 401, "a wrong password": 401, "the login": 200, "its metrics": 404}, answers
    return f"{answers}; without a login in .env it ends: {_without_login()}"


def _without_login() -> str:
    """Its words as it ends."""
    done = subprocess.run(
        [*compose.COMPOSE, "run", "--rm", "--no-deps", "--no-TTY", "--env", "FLOWER_BASIC_AUTH=", "flower"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=compose.REPOSITORY,
    )
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    return done.stderr.strip().splitlines()[-1]


def _check_rights(container: dict[str, Any]) -> None:
    name, host = container["Name"], container["HostConfig"]
    assert container["Config"]["User"] not in ROOTS, f"{name} runs as root"
    assert host["ReadonlyRootfs"], f"{name} can write to its file system"
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"], f"{name} has capabilities: {host['CapAdd']}"
    assert not host["Privileged"], f"{name} is privileged"
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"]), f"{name} may gain privileges"


def _check_ports(container: dict[str, Any], port: int) -> None:
    published = container["HostConfig"]["PortBindings"] or {}
    wanted = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]} if "-gateway-" in container["Name"] else {}
    assert published == wanted, f"{container['Name']} publishes {published}"


def _check_limits(container: dict[str, Any]) -> None:
    host = container["HostConfig"]
    assert host["Memory"] and host["NanoCpus"] and host["PidsLimit"], f"{container['Name']} is without limits"
    assert host["LogConfig"]["Config"].get("max-size"), f"{container['Name']} may fill the disk with its log"


def _check_user(container: str, service: str) -> None:
    """Seen from inside: who it is, and that it cannot write where its programs are."""
    seen = compose.docker("exec", container, "sh", "-c", "id -u; touch /usr/local/x 2>&1; touch /app/x 2>&1; true").splitlines()
    assert seen[0] != "0", f"{service} is root"
    assert len(seen) == 3 and all("Read-only" in line or "Permission" in line or "No such" in line for line in seen[1:]), (service, seen)
