"""Real Redis servers on TCP for one test: a master with replicas and Sentinels, or a Cluster; with the product's own settings."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis, RedisCluster
from redis.cluster import ClusterNode
from redis.exceptions import RedisError

from deploy.embedded.servers.redis_server import SETTINGS, server_program
from deploy.embedded.supervision import processes

READY_SECONDS = 30.0
CLUSTER_READY_SECONDS = 60.0
MASTER = "journal"
# After so long without an answer a master is taken to be dead.
DOWN_AFTER_MS = 2000
SLOTS = 16384
_OF_A_SOCKET = ("port", "unixsocketperm")


@dataclass
class Server:
    """One redis-server process in a folder of its own."""

    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    is_sentinel: bool = False
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Server":
        """Returns when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        argv = self._sentinel_command() if self.is_sentinel else self._server_command()
        self.process = processes.spawn(argv, log_file=self.folder / "log", cwd=self.folder)
        assert processes.wait_until(self._answers, READY_SECONDS), (self.folder / "log").read_text()[-2000:]
        return self

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=5, protocol=2)

    def _server_command(self) -> list[Any]:
        settings = {name: value for name, value in SETTINGS.items() if name not in _OF_A_SOCKET} | self.options
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [server_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), *words]

    def _sentinel_command(self) -> list[Any]:
        configuration = self.folder / "sentinel.conf"
        if not configuration.exists():
            configuration.write_text(f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n" + self.options["sentinel"])
        return [server_program(), configuration, "--sentinel"]

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


@dataclass(frozen=True)
class Watched:
    """A master with replicas, and the Sentinels that watch it."""

    servers: list[Server]
    sentinels: list[Server]

    @property
    def url(self) -> str:
        return f"sentinel://{','.join(f'127.0.0.1:{sentinel.port}' for sentinel in self.sentinels)}/{MASTER}/0"

    def master(self) -> Server:
        """As the Sentinels have it now."""
        with self.sentinels[0].client() as sentinel:
            answer: Any = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)  # type: ignore[no-untyped-call]
        return next(server for server in self.servers if server.port == int(answer[1]))

    def replicas(self) -> int:
        """How many are connected to the master."""
        with self.master().client() as master:
            told: Any = master.info("replication")
            return sum(told[f"slave{n}"]["state"] == "online" for n in range(told["connected_slaves"]))


@contextmanager
def watched(folder: Path, replicas: int) -> Iterator[Watched]:
    """One master, so many replicas, three Sentinels of which two agree on a failover."""
    with _ending() as running:
        master = Server(folder / "redis-0").start()
        running.append(master)
        servers = [master]
        for n in range(replicas):
            servers.append(Server(folder / f"redis-{n + 1}", {"replicaof": f"127.0.0.1 {master.port}"}).start())
            running.append(servers[-1])
        watching = (
            f"sentinel monitor {MASTER} 127.0.0.1 {master.port} 2\nsentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {MASTER} 5000\n"
        )
        sentinels = [Server(folder / f"sentinel-{n}", {"sentinel": watching}, is_sentinel=True).start() for n in range(3)]
        running.extend(sentinels)
        found = Watched(servers, sentinels)
        assert processes.wait_until(lambda: found.replicas() == replicas and all(map(_knows_others, sentinels)), READY_SECONDS)
        yield found


@contextmanager
def cluster(folder: Path, masters: int, replicas: int = 0) -> Iterator[list[Server]]:
    """So many masters that share the slots evenly, then so many replicas, shared out among them."""
    options = {"cluster-enabled": "yes", "cluster-node-timeout": "2000", "cluster-config-file": "nodes.conf"}
    with _ending() as running:
        servers = [Server(folder / f"node-{n}", options) for n in range(masters)]
        for n, server in enumerate(servers):
            running.append(server.start())
            with server.client() as client:
                # Not ADDSLOTSRANGE, which came with Redis 7.
                client.execute_command("CLUSTER", "ADDSLOTS", *range(n * SLOTS // masters, (n + 1) * SLOTS // masters))  # type: ignore[no-untyped-call]
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)  # type: ignore[no-untyped-call]
        for n in range(replicas):
            servers.append(Server(folder / f"replica-{n}", options))
            running.append(servers[-1].start())
            with servers[-1].client() as client:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)  # type: ignore[no-untyped-call]
        assert processes.wait_until(lambda: all(_is_whole(server, len(servers)) for server in servers), CLUSTER_READY_SECONDS)
        for n, replica in enumerate(servers[masters:]):
            with servers[n % masters].client() as master, replica.client() as client:
                node_id = _text(master.execute_command("CLUSTER", "MYID"))  # type: ignore[no-untyped-call]
                client.execute_command("CLUSTER", "REPLICATE", node_id)  # type: ignore[no-untyped-call]
        assert processes.wait_until(
            lambda: all(_has_replica(server) for server in servers[: min(masters, replicas)]), CLUSTER_READY_SECONDS
        )
        yield servers


def cluster_url(servers: Sequence[Server]) -> str:
    return f"cluster://{','.join(f'127.0.0.1:{server.port}' for server in servers)}"


def cluster_client(servers: Sequence[Server]) -> RedisCluster:
    node: Any = ClusterNode
    return RedisCluster(startup_nodes=[node("127.0.0.1", server.port) for server in servers])


def free_port() -> int:
    """A free port below 55,000, since a Cluster node takes a second one 10,000 above."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port: int = listening.getsockname()[1]
        if port < 55_000:
            return port


@contextmanager
def _ending() -> Iterator[list[Server]]:
    running: list[Server] = []
    try:
        yield running
    finally:
        for server in running:
            server.kill()


def _knows_others(sentinel: Server) -> bool:
    with sentinel.client() as client:
        told: Any = client.execute_command("SENTINEL", "MASTER", MASTER)  # type: ignore[no-untyped-call]
    fields = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
    plain = {_text(name): _text(value) for name, value in fields.items()}
    return int(plain["num-other-sentinels"]) == 2 and int(plain["num-slaves"]) >= 1


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _has_replica(server: Server) -> bool:
    with server.client() as client:
        told: Any = client.info("replication")
    return bool(told["connected_slaves"] and told["slave0"]["state"] == "online")


def _is_whole(server: Server, nodes: int) -> bool:
    with server.client() as client:
        told: Any = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
    fields = told if isinstance(told, dict) else dict(line.split(":") for line in _text(told).split("\r\n") if ":" in line)
    return fields["cluster_state"] == "ok" and int(fields["cluster_known_nodes"]) == nodes
