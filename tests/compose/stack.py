"""The product as `docker compose up` runs it, under a name, a port and passwords of its own: started, looked into from outside, taken down."""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from redis import Redis

from deploy.containers import compose, wait
from deploy.secrets_file import write
from tests.faults.pace import stretched

START_SECONDS = 180.0


class Composed:
    """One project of `docker compose`. `port` is its gateway's, on loopback; `tag` that of its images.

    The engine runs on this machine, so its containers can be reached by their addresses, also on networks that lead nowhere else.
    """

    def __init__(self, project: str, folder: Path, tag: str, port: int | None = None) -> None:
        self.project = project
        self.tag = tag
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env_file = folder / f"{project}.env"
        write(self.env_file)
        with self.env_file.open("a") as file:
            # The tests count their own events alone.
            file.write(f"TRACKER_PORT={self.port}\nTRACKER_IMAGE_TAG={tag}\nTRACKER_CANARY_SECONDS=0\n")
        self.use()

    def use(self) -> None:
        """From now on deploy.containers and `docker compose` mean this project."""
        os.environ["COMPOSE_PROJECT_NAME"] = self.project
        os.environ["COMPOSE_ENV_FILES"] = str(self.env_file)

    def secret(self, name: str) -> str:
        """A line of its file of settings."""
        lines = dict(line.split("=", 1) for line in self.env_file.read_text().splitlines() if "=" in line and not line.startswith("#"))
        return lines[name]

    def set(self, name: str, value: str) -> None:
        """Another value of a setting; compose takes the last line."""
        with self.env_file.open("a") as file:
            file.write(f"{name}={value}\n")

    def up(self, *options: str) -> None:
        """Returns when /readyz says 200; ContainersError if it does not."""
        self.use()
        compose.run("up", "--detach", "--no-build", *options)
        wait.wait(stretched(START_SECONDS))

    def down(self, *options: str) -> None:
        """Stops and removes its containers; with `--volumes` its data too."""
        self.use()
        compose.run("down", "--remove-orphans", *options)

    def ids(self, service: str) -> list[str]:
        """Its running containers."""
        self.use()
        return [one["ID"] for one in compose.containers(service)]

    def inspect(self, container: str) -> dict[str, Any]:
        """The engine's description of a container."""
        [found] = json.loads(compose.docker("inspect", container))
        return dict(found)

    def database(self) -> Connection[tuple[object, ...]]:
        """A new connection to Postgres as the owner of the data, in autocommit. psycopg.OperationalError if it is away."""
        return psycopg.connect(
            host=self._address("postgres"),
            dbname="tracker",
            user="tracker",
            password=self.secret("TRACKER_POSTGRES_OWNER_PASSWORD"),
            autocommit=True,
            connect_timeout=2,
        )

    def redis(self, *, decode_responses: bool = True) -> Redis:
        """A new client of Redis, as its admin."""
        return Redis(
            host=self._address("redis"),
            username="admin",
            password=self.secret("TRACKER_REDIS_ADMIN_PASSWORD"),
            socket_timeout=5,
            decode_responses=decode_responses,
        )

    def is_ready(self) -> bool:
        """Whether /readyz says 200."""
        return wait.ready(self.url)[0] == 200

    def verify(self) -> "subprocess.CompletedProcess[str]":
        """`tracker verify`, as a person asks it."""
        command = [str(compose.REPOSITORY / "tracker"), "verify", "--url", self.url]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=stretched(60))

    def _address(self, service: str) -> str:
        for container in self.ids(service):
            for network in self.inspect(container)["NetworkSettings"]["Networks"].values():
                if network["IPAddress"]:
                    return str(network["IPAddress"])
        raise psycopg.OperationalError(f"{service} has no address; is its container running?")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
