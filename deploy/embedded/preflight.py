"""Checks before anything is started. Each refusal is one sentence that says what to do."""

import ipaddress
import os
import shutil
import socket
from pathlib import Path

import psycopg

from deploy.embedded.paths import Paths, make_command
from deploy.embedded.settings import Settings
from deploy.embedded.supervision.processes import StartError
from shared.auth.keys import NO_ADMIN_KEY
from shared.http.bind_safety import Access, UnsafeBind, check_host_setting

FREE_BYTES_NEEDED = 256 * 1024 * 1024
FLOWER_PORT = 5555
FLOWER_PORTS_TRIED = 50
KEYS_UNUSED = "This tracker has API keys, but access is open; start it with TRACKER_ACCESS=keys to require them."


def check_host(settings: Settings) -> None:
    """Checks that the address is valid, and not open to other machines without keys."""
    host = settings.host
    try:
        if host != "localhost":
            ipaddress.ip_address(host)
        check_host_setting(settings)
    except ValueError:
        raise StartError(f"TRACKER_HOST={host} is not an address; use 127.0.0.1, the default.") from None
    except UnsafeBind as error:
        raise StartError(str(error)) from None


def check_access(access: Access, database_url: str) -> str | None:
    """Checks that an admin key exists if keys are needed. Returns a warning if keys exist but are not needed."""
    with psycopg.connect(database_url) as connection:
        keys = connection.execute("SELECT 'admin' = ANY(scopes) FROM api_keys WHERE revoked_at IS NULL").fetchall()
    if access == "keys" and (True,) not in keys:
        raise StartError(NO_ADMIN_KEY)
    return KEYS_UNUSED if access == "open" and keys else None


def make_data_dir(paths: Paths) -> None:
    """The data folder exists, belongs to us and can be written."""
    try:
        paths.make()
        for folder in (paths.run, paths.logs, paths.redis, paths.blobs, paths.archive):
            probe = folder / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
    except OSError as error:
        raise StartError(
            f"The data folder {paths.data_dir} cannot be written ({error.strerror}: {error.filename}); "
            "make it writable for the user who starts the tracker, or set TRACKER_DATA_DIR to another folder."
        ) from None
    _check_owner(paths.postgres)


def _check_owner(postgres: Path) -> None:
    if not postgres.exists() or os.geteuid() in (0, owner := postgres.stat().st_uid):
        return
    raise StartError(
        f"{postgres} belongs to user {owner}, perhaps because the tracker was once started as root. Start it as that user or as root, "
        f"give it to yourself (sudo chown -R $(id -u) {postgres.parent}), or set TRACKER_DATA_DIR to another folder."
    )


def check_disk(data_dir: Path) -> None:
    """PostgreSQL needs some room even to start."""
    free = shutil.disk_usage(data_dir).free
    if free < FREE_BYTES_NEEDED:
        raise StartError(
            f"Only {free // 1024**2} MB are free where {data_dir} lies, and the tracker needs {FREE_BYTES_NEEDED // 1024**2} MB to start; "
            "make room, or set TRACKER_DATA_DIR to a folder on another disk."
        )


def listen(settings: Settings) -> socket.socket:
    """A socket bound to the API's address. The supervisor keeps it, so that the port stays ours while the API restarts."""
    host, port = settings.host, settings.port
    try:
        return _bind(host, port)
    except PermissionError:
        other = make_command("up TRACKER_PORT=8000", settings.data_dir)
        raise StartError(f"Port {port} is for root only; choose one above 1023: {other}") from None
    except OSError as error:
        other = make_command(f"up TRACKER_PORT={_free_port(host, port)}", settings.data_dir)
        raise StartError(f"Port {port} on {host} is in use ({error.strerror}); choose another: {other}") from None


def flower_port(settings: Settings) -> int | None:
    """Flower's port, None if it is off. If 5555 is taken, `on` moves to another; a port that was named is an error."""
    if settings.flower_port == "off":
        return None
    wanted = FLOWER_PORT if settings.flower_port == "on" else settings.flower_port
    if _is_free("127.0.0.1", wanted) and wanted != settings.port:
        return wanted
    if settings.flower_port == "on":
        return _free_port("127.0.0.1", wanted)
    other = make_command(f"up TRACKER_FLOWER_PORT={_free_port('127.0.0.1', wanted)}", settings.data_dir)
    without = make_command("up TRACKER_FLOWER_PORT=off", settings.data_dir)
    raise StartError(f"Port {wanted} for Flower is in use; choose another: {other}, or do without: {without}")


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _is_free(host: str, port: int) -> bool:
    try:
        _bind(host, port).close()
    except OSError:
        return False
    return True


def _free_port(host: str, taken: int) -> int:
    for port in range(taken + 1, min(taken + FLOWER_PORTS_TRIED, 65535) + 1):
        if _is_free(host, port):
            return port
    raise StartError(f"No port between {taken} and {taken + FLOWER_PORTS_TRIED} is free.")
