"""The URL of Redis: one server, the master that Sentinels name, or a Cluster.

`redis://[user:password@]host:6379/0`, `rediss://…` with TLS, `unix:///run/redis.sock?db=0`: one server.
`sentinel://[user:password@]host:26379,host2:26379/<name of the master>/0`: the current master of that name. User and password are
the server's; `?sentinel_username=…&sentinel_password=…` are the Sentinels' own.
`cluster://[user:password@]host:6379,host2:6379`: a Cluster, by some of its nodes. Celery cannot use one: TRACKER_BROKER_URL.
"""

from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from msgspec import Struct

SPELLINGS: Final = (
    "redis://host:6379/0, unix:///path.sock?db=0, sentinel://host:26379,host2:26379/master/0 or cluster://host:6379,host2:6379"
)
_SENTINEL_PORT, _REDIS_PORT = 26379, 6379


class Servers(Struct, frozen=True):
    """A parsed sentinel:// or cluster:// URL. `addresses`: the Sentinels, or some of the Cluster's nodes."""

    addresses: tuple[tuple[str, int], ...]
    credentials: dict[str, Any]
    master: str = ""
    db: int = 0
    sentinel_credentials: dict[str, Any] = {}


def is_sentinel(url: str) -> bool:
    """Whether Sentinels are asked where the master is."""
    return url.startswith("sentinel://")


def is_cluster(url: str) -> bool:
    """Whether the keys are spread over several masters."""
    return url.startswith("cluster://")


def checked(url: str) -> str:
    """The URL; ValueError if it has none of these forms."""
    if is_sentinel(url) or is_cluster(url):
        servers(url)
    elif not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError(f"it is not a Redis URL; write {SPELLINGS}")
    return url


def servers(url: str) -> Servers:
    """Parses a sentinel:// or cluster:// URL. ValueError says what is missing."""
    # Not by urlsplit: from Python 3.13 on it takes one host, and refuses an IPv6 address among several.
    place, _, options = url.partition("://")[2].partition("?")
    there, _, path = place.partition("/")
    login, _, hosts = there.rpartition("@")
    default_port = _SENTINEL_PORT if is_sentinel(url) else _REDIS_PORT
    addresses = tuple(_address(host, default_port) for host in hosts.split(",") if host)
    if not addresses:
        raise ValueError(f"it names no host; write {SPELLINGS}")
    user, _, password = login.partition(":")
    credentials = _without_empty(username=unquote(user), password=unquote(password))
    if is_cluster(url):
        return Servers(addresses, credentials)
    master, _, db = path.strip("/").partition("/")
    if not master or not (db or "0").isdigit():
        raise ValueError("it names no master; write sentinel://host:26379,host2:26379/<name of the master>/<number of the database>")
    query = {name: values[-1] for name, values in parse_qs(options).items()}
    of_sentinels = _without_empty(username=query.get("sentinel_username", ""), password=query.get("sentinel_password", ""))
    return Servers(addresses, credentials, master, int(db or 0), of_sentinels)


def broker(url: str) -> tuple[str, dict[str, Any]]:
    """Celery's spelling of the URL, and the transport options that go with it. ValueError for a Cluster, which Celery does not speak with.

    `unix:///run/redis.sock?db=0` → `redis+socket:///run/redis.sock?virtual_host=0`.
    """
    if is_cluster(url):
        raise ValueError("Celery does not speak with a Redis Cluster; give it a Redis of its own by TRACKER_BROKER_URL=redis://host:6379/0")
    if url.startswith("unix://"):
        return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host="), {}
    if not is_sentinel(url):
        return url, {}
    there = servers(url)
    login = "".join(
        (quote(there.credentials.get("username", ""), safe=""), ":", quote(there.credentials.get("password", ""), safe=""), "@")
    )
    login = login if there.credentials else ""
    spelled = ";".join(f"sentinel://{login}{_host(host)}:{port}/{there.db}" for host, port in there.addresses)
    return spelled, {
        "master_name": there.master,
        "sentinel_kwargs": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, **there.sentinel_credentials},
    }


def _address(text: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if parts.hostname is None:
        raise ValueError(f"{text} is not host:port")
    return parts.hostname, parts.port or default_port


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _without_empty(**words: str) -> dict[str, str]:
    return {name: word for name, word in words.items() if word}
